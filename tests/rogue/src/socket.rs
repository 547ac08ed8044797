use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use filmgate_protocol::{FRAME_BYTES_MAX, encode};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

/// The socket to the host: standard input.
pub(crate) struct Socket;

impl Socket {
    pub(crate) fn receive(&self) -> (Vec<u8>, Vec<OwnedFd>) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut frame = vec![0; FRAME_BYTES_MAX];
        let slices = &mut [IoSliceMut::new(&mut frame)];
        let received = recvmsg(std::io::stdin(), slices, &mut control, RecvFlags::CMSG_CLOEXEC).expect("hear the host");
        let rights = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(rights) => Some(rights),
            _ => None,
        });
        let descriptors = rights.flatten().collect();
        frame.truncate(received.bytes);
        (frame, descriptors)
    }

    pub(crate) fn send<M: serde::Serialize>(&self, message: &M) {
        self.send_raw(&encode(message).expect("encode"));
    }

    pub(crate) fn send_raw(&self, frame: &[u8]) {
        // A host that has had enough is the end.
        if sendmsg(std::io::stdin(), &[IoSlice::new(frame)], &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL)
            .is_err()
        {
            std::process::abort();
        }
    }

    /// Sends a frame with this process's own descriptors.
    pub(crate) fn send_with_descriptors(&self, frame: &[u8]) {
        use std::os::fd::AsFd as _;

        let input = std::io::stdin();
        let descriptors = [input.as_fd(); 4];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)), "they fit");
        let sent = sendmsg(&input, &[IoSlice::new(frame)], &mut control, SendFlags::NOSIGNAL);
        sent.expect("send descriptors");
    }
}
