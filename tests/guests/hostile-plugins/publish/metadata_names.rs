//! Gives metadata the names of the host's own, and of S3's.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::files::film;
use hostile_plugins::{Options, options, tell};

const NAMES: [&str; 8] = [
    "filmgate-user",
    "filmgate-publish-id",
    "filmgate-job",
    "user",
    "x-amz-acl",
    "x-amz-server-side-encryption",
    "content-type",
    "plugin-title",
];

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    let metadata = NAMES.iter().map(|name| ((*name).to_owned(), "mallory".to_owned())).collect();
    tell("names", store_video("film.mp4", &Options { metadata, ..options() }));
    Ok(String::new())
});
