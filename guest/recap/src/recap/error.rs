use crate::params::ParamsError;
use crate::photo::PhotoError;

/// Why there is no video.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter cannot be used.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// A photo cannot be used.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// The caller does not want the video any more.
    #[error("cancelled")]
    Cancelled,
    /// The video could not be encoded or written.
    #[error("make the video: {0}")]
    Video(#[from] filmgate_media::Error),
    /// The thumbnail could not be encoded.
    #[error("make the thumbnail: {0}")]
    Thumbnail(#[from] jpeg_encoder::EncodingError),
}
