//! Who is measured, and how each is called.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::server::Server;

/// A tool that uploads files.
#[derive(Debug, Clone)]
pub struct Contender {
    /// Its name in the table.
    pub name: &'static str,
    /// The program.
    pub program: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Filmgate,
    Peer,
    Boto(&'static str),
    AwsCli,
    Rclone,
    S5cmd,
    Curl,
}

/// Where things are.
#[derive(Debug, Clone)]
pub struct Places {
    /// The `filmgate` binary.
    pub filmgate: PathBuf,
    /// The folder of the peers' binaries.
    pub peers: PathBuf,
    /// The folder of the Python environment that `just bench-tools` makes.
    pub venv: PathBuf,
    /// `boto.py`.
    pub boto: PathBuf,
}

/// Everybody, in the order of the table.
pub const NAMES: [&str; 11] = [
    "filmgate",
    "curl",
    "aws-sdk-s3",
    "transfer-manager",
    "object_store",
    "opendal",
    "boto3",
    "boto3-crt",
    "aws-cli",
    "rclone",
    "s5cmd",
];

impl Contender {
    /// The contender of this name; none where it is not installed.
    pub fn find(name: &str, places: &Places) -> Option<Self> {
        let name = *NAMES.iter().find(|known| **known == name)?;
        let in_venv = |tool: &str| Some(places.venv.join("bin").join(tool)).filter(|path| path.is_file());
        let peer = |binary: &str| Some(places.peers.join(binary)).filter(|path| path.is_file());
        let (program, kind) = match name {
            "filmgate" => (Some(places.filmgate.clone()).filter(|path| path.is_file()), Kind::Filmgate),
            "curl" => (on_path("curl"), Kind::Curl),
            "aws-sdk-s3" => (peer("peer-aws-sdk"), Kind::Peer),
            "transfer-manager" => (peer("peer-transfer-manager"), Kind::Peer),
            "object_store" => (peer("peer-object-store"), Kind::Peer),
            "opendal" => (peer("peer-opendal"), Kind::Peer),
            "boto3" => (in_venv("python").filter(|python| has_module(python, "boto3")), Kind::Boto("classic")),
            "boto3-crt" => (in_venv("python").filter(|python| has_module(python, "awscrt")), Kind::Boto("crt")),
            "aws-cli" => (in_venv("aws"), Kind::AwsCli),
            "rclone" => (on_path("rclone"), Kind::Rclone),
            _ => (in_venv("s5cmd").or_else(|| on_path("s5cmd")), Kind::S5cmd),
        };
        Some(Self { name, program: program?, kind })
    }

    /// The command that sends all files of a folder to the server, below keys with `prefix`.
    pub fn command(&self, server: &Server, prefix: &str, folder: &Path, files: &[PathBuf], places: &Places) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().env("HOME", folder).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        server.add_to(&mut command);
        let target = format!("s3://{}/{prefix}/", server.bucket);
        match self.kind {
            Kind::Filmgate => {
                let data = std::env::temp_dir().join(format!("filmgate-bench-{}", std::process::id()));
                // The others look into no file either, and what is sent here is no video.
                command.env("FILMGATE_MEDIA_FACTS", "off");
                command.args(["publish", "--user", "bench", "--json", "--data-dir"]).arg(data).args(files);
            }
            Kind::Peer => {
                command.arg(prefix).args(files);
            }
            Kind::Boto(kind) => {
                command.arg(&places.boto).arg(kind).arg(prefix).args(files);
            }
            Kind::AwsCli => {
                command.args(["s3", "cp", "--quiet", "--recursive"]).arg(folder).arg(target);
                command.args(["--endpoint-url", &server.url]);
            }
            Kind::Rclone => {
                rclone(&mut command, server);
                command.arg(folder).arg(format!("bench:{}/{prefix}", server.bucket));
            }
            Kind::S5cmd => {
                command.args(["--endpoint-url", &server.url, "cp"]).arg(format!("{}/", folder.display())).arg(target);
            }
            Kind::Curl => curl(&mut command, server, prefix, files),
        }
        command
    }
}

/// A remote called `bench`, told by variables.
fn rclone(command: &mut Command, server: &Server) {
    // It trusts a certificate by its own option only, and takes the variable amiss.
    command
        .env_remove("AWS_CA_BUNDLE")
        .args(["copy", "--no-traverse", "--s3-no-check-bucket", "--ignore-checksum", "--no-check-dest"])
        .env("RCLONE_CONFIG_BENCH_TYPE", "s3")
        .env("RCLONE_CONFIG_BENCH_PROVIDER", "Other")
        .env("RCLONE_CONFIG_BENCH_ACCESS_KEY_ID", server.access_key)
        .env("RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY", server.secret_key)
        .env("RCLONE_CONFIG_BENCH_REGION", server.region)
        .env("RCLONE_CONFIG_BENCH_ENDPOINT", &server.url);
    if let Some(certificate) = &server.certificate {
        command.arg("--ca-cert").arg(certificate);
    }
}

/// One connection, no checksum, no proof: what moving the bytes costs an ordinary client.
fn curl(command: &mut Command, server: &Server, prefix: &str, files: &[PathBuf]) {
    command.args(["--silent", "--show-error", "--fail"]);
    command.args(["--aws-sigv4", &format!("aws:amz:{}:s3", server.region)]);
    command.args(["--user", &format!("{}:{}", server.access_key, server.secret_key)]);
    command.args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--header", "expect:"]);
    if let Some(certificate) = &server.certificate {
        command.arg("--cacert").arg(certificate);
    }
    for (index, file) in files.iter().enumerate() {
        let url = format!("{}/{}/{prefix}/{index}.mp4", server.url, server.bucket);
        command.args(["--output", "/dev/null", "--upload-file"]).arg(file).arg(url);
    }
}

fn on_path(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(tool)).find(|path| path.is_file())
}

fn has_module(python: &Path, module: &str) -> bool {
    let asked = Command::new(python).args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}
