import NIOCore

/// The bounds of all queues, buffers, waits and tables, except those of the codecs. Bounds that users may want to set
/// are options.
enum Limits {
    /// The most body bytes in one `request_data` or `response_data` event.
    static let bodyChunk = 256 * 1024
    /// Bodies larger than this are encoded and decoded off the loop, in bytes.
    static let codedOnLoop = 16 * 1024
    /// The most bytes that a filter decodes on the loop.
    static let decodedOnLoop = 256 * 1024

    /// How much may wait to be written to one addon before its events wait in the queue instead, in bytes.
    static let addonWriteBytes = 256 * 1024
    /// Initial capacity for what one turn of the loop sends to an addon, in bytes.
    static let addonBuffer = 8 * 1024
    /// How many reply bytes may be buffered for an addon that makes calls but does not read.
    static let addonReplyBytes = 64 << 20
    /// Capacity for snapshots that a loop keeps for reuse, in bytes.
    static let keptSnapshotBytes = 64 << 10
    /// Capacity of an addon's mailbox that is kept for reuse, in events.
    static let keptDeliveries = 1024
    /// The most warnings, one for each addon and host, that one loop remembers.
    static let rememberedWarnings = 1_024
    /// The most events that wait for an absent addon.
    static let eventsOfEmptySeat = 4_096
    /// How long an addon may take to send `initialize`.
    static let handshake = TimeAmount.seconds(10)
    /// How long an addon may take to answer `done`.
    static let done = TimeAmount.seconds(2)
    /// How long an addon that is to leave may still receive the answers to its calls.
    static let lastAnswers = TimeAmount.milliseconds(500)
    /// Consecutive failures after which an addon is suspended.
    static let failuresInRow = 10
    /// The longest suspension in seconds. Suspensions double: 1, 2, 4 … up to this.
    static let longestSuspension = 60
    /// Content up to this size is held and shown even when memory is short, in bytes.
    static let smallContentBytes = 16 << 10
    /// The most bytes of notifications queued for one addon when memory is short.
    static let notificationBytesInNeed = 256 << 10
    /// Freed buffers of at least this size go back to the kernel, in bytes.
    static let returnedBufferBytes = 1 << 20
    /// The most changes of one flow that `flow.blame` remembers, and their bytes.
    static let changesOfFlow = 64
    static let changeBytesOfFlow = 64 * 1024
    /// How much of a changed body `flow.blame` shows, in bytes.
    static let changedBodyBytes = 1024
    /// The most names of addons that changed a flow that are remembered.
    static let changersOfFlow = 64
    /// The most ids of formerly held connections that are remembered.
    static let formerHolds = 100
    /// How much of a comment or mark flow listings show, in bytes.
    static let listedNoteBytes = 256
    /// The most bytes of queued reports about finished flows, for one loop …
    static let endedRowBytes = 4 << 20
    /// … and the most active flows that are reported at once.
    static let changedRows = 10_000
    /// How often flow watchers get updates.
    static let watchInterval = TimeAmount.milliseconds(100)
    /// The most messages kept for one flow, and their bytes.
    static let keptMessages = 1_024
    /// The most former addons that `stats` lists.
    static let formerAddons = 256
    /// The most options that may be set before an addon declares them.
    static let deferredOptions = 1_024
    /// The most requests made by addons, replays included, that are active on one loop.
    static let ownRequests = 256
    /// The most body bytes in one answer to `flow.body`.
    static let bodyPartBytes = 8 << 20
    /// The most steps (bytes of text times the size of the expression) that a regular expression search may take on the
    /// loop, at up to 25 ns each. Longer searches run on another thread …
    static let shortSearchSteps = 40_000
    /// … except in texts as short as a host or most URLs, where the cost is building the automaton, which happens once
    /// …
    static let shortTextBytes = 512
    static let expressionSizeForShortText = 32_000
    /// … and filters skip searches longer than this; the event is then sent as if it matched.
    static let longSearchSteps = 1 << 28
    /// The same for expressions that RE2 does not support: how many bytes are searched on the loop, and for how long …
    static let shortSearchBytes = 4 * 1024
    static let shortSearch = Duration.milliseconds(1)
    /// … and for how long on another thread.
    static let longSearch = Duration.milliseconds(50)
    /// How long work over many flows may run before it yields to its loop.
    static let turnOfLongWork = TimeAmount.microseconds(500)
    /// How much of a body or message `flow_detail` 3 prints, in bytes.
    static let printedBodyBytes = 4 * 1024
    /// Filters do not search larger bodies; the event is then sent as if it matched, too. In bytes.
    static let filteredBodyBytes = 16 << 20
    /// How long a client's TLS handshake may take, including the server's handshake within it.
    static let tlsHandshake = TimeAmount.seconds(60)
    /// The most idle upstream connections that one client connection keeps.
    static let idleUpstreams = 8
    /// The most injected bytes that wait to be sent in one direction of a flow.
    static let injectedBytes = 16 << 20
    /// How long a half-closed client may still be answered.
    static let halfClosed = TimeAmount.seconds(1)
    /// How long input is still read and dropped after a connection's last response.
    static let lingering = TimeAmount.seconds(2)
    /// The maximum nesting of the daemon's own JSON, including what addons put into it.
    static let ownDepth = 1024
    /// How often idle connections are looked for.
    static let idleCheck = TimeAmount.seconds(5)
    /// How many descriptors are reserved for other uses than client and server connections: an eighth of all, within
    /// these bounds.
    static let descriptorReserve = 16...256
    /// How long a listener that ran out of descriptors pauses, unless a connection ends earlier.
    static let acceptPause = TimeAmount.seconds(1)
    /// The most notices whose time is remembered.
    static let rememberedNotices = 1024
    /// The most log entries of one source in a second; further ones are only counted.
    static let logEntriesPerSecond = 200
    /// The longest line of the log, and the longest message in it, in bytes.
    static let logLineBytes = 8 << 10
    /// How much of a URL is logged, in bytes.
    static let loggedURLBytes = 1 << 10
    /// How often a request may come back to this daemon.
    static let rounds = 4
    /// The listen backlog: clients that wait to be accepted.
    static let backlog: CInt = 1024
    /// How many unsent bytes for a peer apply back-pressure to the writer.
    static let writeBuffer = ChannelOptions.Types.WriteBufferWaterMark(low: 64 * 1024, high: 128 * 1024)
    /// Writes of several pieces are joined into one up to this size, in bytes.
    static let joinedBytes = 16 * 1024
    /// Once this many bytes are unread, no more are read from a peer.
    static let readAhead = 16 * 1024
    /// The most buffers of at most 64 KiB each that are read from a peer in one go.
    static let buffersAtOnce: UInt = 1
    /// The most bytes of a peer that the kernel may buffer, including its overhead.
    static let receiveBuffer = 6 << 20
    /// Unread bytes are joined into one buffer up to this size, which copies them.
    static let joinedUnread = 256 * 1024
    /// The most accepted credentials that are remembered, so that their slow hashes are not checked again.
    static let provenCredentials = 256
    /// How long a client may take for one message of the SOCKS handshake.
    static let socksMessage = TimeAmount.seconds(30)
    /// How long a client may stay silent before the proxy starts TLS with a server that may speak first.
    static let firstWord = TimeAmount.milliseconds(200)
    /// The most bytes of a tunnel that are inspected before its content counts as something other than HTTP.
    static let firstBytes = 24

    // MARK: HTTP/2

    /// How often a request is sent when servers say that they refuse to act on it.
    static let http2Tries = 5
    /// The most streams that a client may have open on one connection.
    static let http2Streams = 100
    /// The most active exchanges of one connection, including those whose stream has been reset.
    static let http2Exchanges = 200
    /// The receive window of one stream, in bytes.
    static let http2StreamWindow = 256 * 1024
    /// The receive window of a connection, in bytes.
    static let http2ConnectionWindow = 1024 * 1024
    /// How many unsent bytes on a stream apply back-pressure to the writer.
    static let http2PendingBytes = 64 * 1024
    /// The most header blocks of one stream that wait to be read: interim responses, a final one, trailers.
    static let http2WaitingHeaders = 16
    /// The most frames of one field block beyond those that its largest size requires.
    static let http2ContinuationFrames = 16
    /// The most streams that the proxy has reset and for which the peer's frames may still be on the way.
    static let http2ResetStreams = 200
    /// The most consecutive DATA frames without data.
    static let http2EmptyDataFrames = 16
    /// The most PING and SETTINGS acknowledgements that wait to be sent.
    static let http2BufferedControlFrames = 1000
    /// The period over which the following are counted.
    static let http2RateWindow = TimeAmount.seconds(30)
    /// The most RST_STREAM frames from a peer in that period.
    static let http2Resets = 500
    /// The most PING, SETTINGS, PRIORITY and similar frames from a peer in that period, and as many that carry nothing.
    static let http2ControlFrames = 1000
    /// How many WINDOW_UPDATE frames, and others that carry nothing, a peer may send beyond `http2ControlFrames` in
    /// that period for each field block of its own …
    static let http2FramesPerBlock = 4
    /// … and for each DATA frame sent to it, and for each 4 KiB of its data.
    static let http2FramesPerData = 16
    /// The most stream errors in that period.
    static let http2StreamErrors = 500

    // MARK: WebSocket

    /// How much of a compressed WebSocket message is inflated before its size is checked, in bytes.
    static let inflatedAtOnce = 4 * 1024
    /// How much of a WebSocket message is written before back-pressure is checked, in bytes.
    static let messagePiece = 64 * 1024
    /// Messages up to this size are copied behind their frame's head and written with it, in bytes.
    static let copiedMessage = 4 * 1024
    /// Messages larger than this are not kept once they have passed, in bytes.
    static let keptMessageBytes = 1 << 20
    /// The most injected messages that wait in one direction of a WebSocket flow.
    static let injectedMessages = 64
    /// How long a peer may take to answer a close frame, or to close the connection after it.
    static let closingHandshake = TimeAmount.seconds(10)
    /// The most ALPN protocols that an addon may offer to a server.
    static let alpnOffers = 32
    /// The longest list of ciphers that an addon may set, in bytes.
    static let cipherListBytes = 4 * 1024
    /// The largest certificate, with its key and chain, that an addon may set, in bytes; it is read on the loop.
    static let addonPEMBytes = 64 * 1024
    /// The most requests on one addon connection for which taps are shown latencies.
    static let tappedRequests = 4096
    /// How many of a connection's first bytes `next_layer` shows, per side.
    static let peekedBytes = 4 * 1024
}
