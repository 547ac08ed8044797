use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest frame in bytes. A job's parameters (64 KiB at most) are the largest part of any message; the bound stays
/// below the default send buffer of a Unix socket (208 KiB on Linux), so that one frame is always one datagram.
pub const FRAME_BYTES_MAX: usize = 160 * 1024;

/// Why a frame was not written or not understood.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The message does not fit.
    #[error("frame of {bytes} bytes is over the limit of {FRAME_BYTES_MAX}")]
    TooLarge {
        /// Size the frame has or would have, in bytes.
        bytes: usize,
    },
    /// The bytes are not one message of the expected direction.
    #[error("frame is not a message of this protocol")]
    Malformed(#[source] postcard::Error),
    /// The frame holds bytes behind its message.
    #[error("frame has {0} bytes behind its message")]
    Trailing(usize),
}

/// Encodes one message as one frame.
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, FrameError> {
    let frame = postcard::to_stdvec(message).map_err(FrameError::Malformed)?;
    if frame.len() > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge { bytes: frame.len() });
    }
    Ok(frame)
}

/// Decodes one frame that holds exactly one message.
pub fn decode<M: DeserializeOwned>(frame: &[u8]) -> Result<M, FrameError> {
    if frame.len() > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge { bytes: frame.len() });
    }
    let (message, rest) = postcard::take_from_bytes(frame).map_err(FrameError::Malformed)?;
    if !rest.is_empty() {
        return Err(FrameError::Trailing(rest.len()));
    }
    Ok(message)
}
