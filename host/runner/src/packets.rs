//! Frames over a connected pair of `SOCK_SEQPACKET` sockets: each arrives whole or not at all.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use filmgate_protocol::FRAME_BYTES_MAX;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::transport::{FrameReceiver, FrameSender, LinkClosed};

/// Descriptors one frame may bring along.
pub(crate) const DESCRIPTORS_MAX: usize = 4;

/// Two connected ends.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends a frame with descriptors and waits until it is taken.
pub(crate) fn send_with(socket: BorrowedFd<'_>, frame: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors"));
    }
    sendmsg(socket, &[IoSlice::new(frame)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Waits for a frame with descriptors. `None`: the other end is gone.
pub(crate) fn receive_with(socket: BorrowedFd<'_>) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut frame = vec![0; FRAME_BYTES_MAX];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::TRUNC;
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut frame)], &mut control, flags)?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if received.bytes > FRAME_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "frame is over the limit"));
    }
    frame.truncate(received.bytes);
    Ok((received.bytes > 0).then_some((frame, descriptors)))
}

fn register(socket: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned, is never replaced, and is closed with the value only.
    #[expect(unsafe_code, reason = "tokio cannot see that a descriptor stays the same")]
    unsafe { AsyncFd::register_with_interest(socket, interest) }.map_err(io::Error::from)
}

/// One end, used by tasks. Clones are the same end.
///
/// Takes no descriptors: what comes along with a frame is dropped by the kernel.
#[derive(Clone, Debug)]
pub(crate) struct Packets {
    end: Arc<End>,
}

#[derive(Debug)]
struct End {
    socket: AsyncFd<OwnedFd>,
    /// Room for one frame, kept: a new piece of this size for each would be cleared, or fetched from the system, each time.
    room: Mutex<Box<[u8]>>,
}

impl Packets {
    /// Must be called inside a tokio runtime with I/O.
    pub(crate) fn new(socket: OwnedFd) -> io::Result<Self> {
        // Not for writing: each frame that the other end takes makes room, and whoever waits for room is woken for it.
        let socket = register(socket, Interest::READABLE)?;
        let room = Mutex::new(vec![0; FRAME_BYTES_MAX].into());
        Ok(Self { end: Arc::new(End { socket, room }) })
    }

    /// Waits until the other end has room. If the future is dropped, whether the frame was sent is unknown.
    pub(crate) async fn send(&self, frame: &[u8]) -> io::Result<()> {
        let sent = |socket: &OwnedFd| -> io::Result<()> {
            let mut control = SendAncillaryBuffer::default();
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            sendmsg(socket, &[IoSlice::new(frame)], &mut control, flags)?;
            Ok(())
        };
        match sent(self.end.socket.get_ref()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let socket = register(self.as_fd().try_clone_to_owned()?, Interest::WRITABLE)?;
                socket.async_io(Interest::WRITABLE, sent).await
            }
            done => done,
        }
    }

    /// The next frame. `None`: the other end is gone. An error: it sent more than a frame may have. No frame is lost if
    /// the future is dropped.
    pub(crate) async fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        let received = |socket: &OwnedFd| {
            let mut room = self.end.room.lock().unwrap_or_else(PoisonError::into_inner);
            let mut control = RecvAncillaryBuffer::new(&mut []);
            let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC | RecvFlags::CMSG_CLOEXEC;
            let received = recvmsg(socket, &mut [IoSliceMut::new(&mut room)], &mut control, flags)?;
            match room.get(..received.bytes) {
                Some(frame) => Ok((!frame.is_empty()).then(|| frame.to_vec())),
                None => Err(io::Error::new(io::ErrorKind::InvalidData, "frame is over the limit")),
            }
        };
        self.end.socket.async_io(Interest::READABLE, received).await
    }
}

impl AsFd for Packets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.socket.get_ref().as_fd()
    }
}

impl FrameSender for Packets {
    async fn send(&mut self, frame: Vec<u8>) -> Result<(), LinkClosed> {
        Packets::send(self, &frame).await.map_err(|_| LinkClosed)
    }
}

impl FrameReceiver for Packets {
    async fn recv(&mut self) -> Option<Vec<u8>> {
        self.receive().await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::{FRAME_BYTES_MAX, Packets, pair};

    /// Some ten times what a socket holds: the sender has to wait, again and again, and loses nothing.
    #[tokio::test]
    async fn a_full_socket_is_waited_for() {
        const FRAMES: u8 = 20;
        let (one, other) = pair().expect("two ends");
        let (one, other) = (Packets::new(one).expect("one end"), Packets::new(other).expect("the other"));
        let sending = async {
            for number in 0..FRAMES {
                one.send(&vec![number; FRAME_BYTES_MAX]).await.expect("sent");
            }
        };
        let receiving = async {
            for number in 0..FRAMES {
                let frame = other.receive().await.expect("received").expect("a frame");
                assert!(frame == vec![number; FRAME_BYTES_MAX], "frame {number} is another");
            }
        };
        tokio::join!(sending, receiving);
    }
}
