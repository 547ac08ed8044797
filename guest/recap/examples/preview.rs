//! Renders a recap natively, for looking at it while working on it.
//!
//! `cargo run --release -p recap --example preview -- OUT_DIR [PARAMS_JSON] [PHOTO…]`: writes `recap.mp4` and `thumbnail.jpg`; with
//! `FRAMES=10,50,90` in the environment only these frames, as PNG.

use anyhow::{Context, Result};
use recap::params::Params;
use recap::{Input, Recap};
use std::path::{Path, PathBuf};
use std::time::Instant;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let out = PathBuf::from(arguments.next().context("name the output directory")?);
    let params = arguments.next().unwrap_or_else(|| "{}".to_owned());
    let params = Params::from_json(&serde_json::from_str(&params).context("read the parameters")?)?;
    let photos: Result<Vec<Input>> = arguments.map(|path| read_photo(Path::new(&path))).collect();
    let recap = Recap::new(&params, None, &photos?)?;
    std::fs::create_dir_all(&out)?;
    if let Ok(frames) = std::env::var("FRAMES") {
        for frame in frames.split(',') {
            let picture = recap.picture(frame.parse()?);
            write_png(&out.join(format!("frame-{frame}.png")), &recap, &picture)?;
        }
        return Ok(());
    }
    let start = Instant::now();
    recap.render(std::fs::File::create(out.join("recap.mp4"))?, |_, _| true)?;
    std::fs::write(out.join("thumbnail.jpg"), recap.thumbnail()?)?;
    std::fs::write(out.join("summary.json"), serde_json::to_string(&recap.summary())?)?;
    std::fs::write(out.join("seconds.txt"), format!("{:.1}\n", start.elapsed().as_secs_f64()))?;
    Ok(())
}

fn read_photo(path: &Path) -> Result<Input> {
    let name = path.file_name().context("name a file")?.to_string_lossy().into_owned();
    let bytes = std::fs::read(path).with_context(|| format!("read {name}"))?;
    Ok(Input { caption: String::from("A photo from the month"), name, bytes })
}

fn write_png(path: &Path, recap: &Recap, picture: &[u8]) -> Result<()> {
    let summary = recap.summary();
    let file = std::io::BufWriter::new(std::fs::File::create(path)?);
    let mut encoder = png::Encoder::new(file, summary.width.into(), summary.height.into());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(picture)?;
    Ok(())
}
