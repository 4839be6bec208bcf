//! Standard input and output as the protocol's transport. Its end is the end of everything that was started for the client.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use rmcp::{
    RoleServer,
    transport::{
        async_rw::AsyncRwTransport,
        io::{StdioReader, StdioWriter, stdio_pipes},
    },
};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::sync::CancellationToken;

/// The longest message that is read, in bytes. A longer one is passed over.
const MESSAGE_MAX: usize = 4 << 20;

/// The transport of this process. `ended` is cancelled when there is nothing more to read.
pub(super) fn standard(ended: CancellationToken) -> AsyncRwTransport<RoleServer, Watched<StdioReader>, StdioWriter> {
    let (reader, writer) = stdio_pipes();
    AsyncRwTransport::new_server(Watched { reader, ended }, writer).with_max_line_length(MESSAGE_MAX)
}

/// A reader that tells of its end.
pub(super) struct Watched<R> {
    reader: R,
    ended: CancellationToken,
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.reader).poll_read(context, buffer);
        if let Poll::Ready(result) = &read
            && (result.is_err() || buffer.filled().len() == before)
        {
            self.ended.cancel();
        }
        read
    }
}
