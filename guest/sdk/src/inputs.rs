use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The job's input files: `/in`, read-only.
#[derive(Clone, Debug)]
pub struct Inputs {
    root: PathBuf,
    names: Vec<String>,
}

impl Default for Inputs {
    /// No inputs.
    fn default() -> Self {
        Self::from_names(Vec::new())
    }
}

impl Inputs {
    pub(crate) fn from_names(names: Vec<String>) -> Self {
        Self { root: "/in".into(), names }
    }

    /// The files of another folder as inputs, for unit tests on the developer's own machine.
    ///
    /// Fails when the folder cannot be read or a name is not UTF-8.
    pub fn at(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let root = folder.into();
        let mut names = Vec::new();
        for entry in fs::read_dir(&root)? {
            let name = entry?.file_name().into_string();
            names.push(name.map_err(|name| io::Error::other(format!("the name {name:?} is not UTF-8")))?);
        }
        names.sort();
        Ok(Self { root, names })
    }

    /// The names, sorted; at most 256.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether there is an input of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// Where the input is, for libraries that open files themselves.
    ///
    /// Fails with `NotFound`, naming the input, unless the job has it; names with `..` or `/` are never found.
    pub fn path(&self, name: &str) -> io::Result<PathBuf> {
        if self.contains(name) {
            Ok(Path::new(&self.root).join(name))
        } else {
            Err(io::Error::new(io::ErrorKind::NotFound, format!("the job has no input '{name}'")))
        }
    }

    /// Opens an input for reading. It is not buffered: read large pieces or wrap it in a `BufReader`.
    pub fn open(&self, name: &str) -> io::Result<File> {
        File::open(self.path(name)?).map_err(|error| named("open", name, &error))
    }

    /// Reads a whole input into memory, which counts towards the job's memory limit.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path(name)?).map_err(|error| named("read", name, &error))
    }
}

fn named(doing: &str, name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{doing} input '{name}': {error}"))
}

#[cfg(test)]
mod tests {
    use super::Inputs;

    #[test]
    fn only_listed_names_open() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b.png"), b"b").unwrap();
        std::fs::write(folder.path().join("a.png"), b"a").unwrap();
        let inputs = Inputs::at(folder.path()).unwrap();
        assert_eq!(inputs.names(), ["a.png", "b.png"]);
        assert_eq!(inputs.read("b.png").unwrap(), b"b");
        assert_eq!(inputs.open("../a.png").unwrap_err().to_string(), "the job has no input '../a.png'");
    }
}
