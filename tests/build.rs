//! Lists the hostile guests, so that one without a test does not compile.
//!
//! Every file `guests/hostile-plugins/<area>/<name>.{rs,wat}` becomes a constant `<area>::<NAME>` in
//! `$OUT_DIR/hostile_guests.rs`. The tests deny constants that nothing uses; what uses one is its test.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const GUESTS: &str = "guests/hostile-plugins";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={GUESTS}");
    let mut code = String::new();
    for area in sorted(Path::new(GUESTS))? {
        if !area.is_dir() || area.ends_with("src") {
            continue;
        }
        println!("cargo::rerun-if-changed={}", area.display());
        let area_name = stem(&area)?;
        writeln!(code, "pub(crate) mod {area_name} {{")?;
        for file in sorted(&area)? {
            let name = stem(&file)?;
            let first = fs::read_to_string(&file)?.lines().next().unwrap_or_default().to_owned();
            let attack = first.trim_start_matches(['/', '!', ';', ' ']).trim_end_matches('.');
            let is_text = file.extension().is_some_and(|extension| extension == "wat");
            writeln!(
                code,
                "    pub(crate) const {}: super::Guest = super::Guest {{ area: {area_name:?}, name: {name:?}, attack: {attack:?}, is_text: {is_text} }};",
                name.to_uppercase(),
            )?;
        }
        writeln!(code, "}}")?;
    }
    fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("hostile_guests.rs"), code)?;
    Ok(())
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.sort();
    Ok(paths)
}

fn stem(path: &Path) -> Result<String, Box<dyn Error>> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).ok_or("a name that is no text")?;
    Ok(stem.to_owned())
}
