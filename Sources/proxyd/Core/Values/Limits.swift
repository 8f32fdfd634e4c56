import NIOCore

/// Every bound of a queue, buffer, wait or table, but for those of the codecs. Those that a user may want to set are options.
enum Limits {
    /// The most of a body that one `request_data` or `response_data` shows, in bytes.
    static let bodyChunk = 256 * 1024
    /// Larger bodies are coded and decoded off the loop, in bytes.
    static let codedOnLoop = 16 * 1024
    /// What a filter has decoded on the loop becomes no larger, in bytes.
    static let decodedOnLoop = 256 * 1024

    /// How many flows may end on a loop, at least, before it forgets for them the oldest flows of all loops.
    static let untrimmedFlows = 16

    /// How much may wait to be written to one addon before its events wait in the queue instead, in bytes.
    static let addonWriteBytes = 256 * 1024
    /// Room to begin with for what one turn of the loop sends to an addon, in bytes.
    static let addonBuffer = 8 * 1024
    /// How much may wait to be written to an addon that calls and does not read, in bytes.
    static let addonReplyBytes = 64 << 20
    /// Room for snapshots that a loop keeps for the next one, in bytes.
    static let keptSnapshotBytes = 64 << 10
    /// Room in an addon's mailbox that is kept for the next events.
    static let keptDeliveries = 1024
    /// Warnings that come once for each addon and host, of one loop.
    static let rememberedWarnings = 1_024
    /// Events that may wait for an addon that is not there.
    static let eventsOfEmptySeat = 4_096
    /// How long an addon may take to say `initialize`.
    static let handshake = TimeAmount.seconds(10)
    /// How long an addon may take to answer `done`.
    static let done = TimeAmount.seconds(2)
    /// How long an addon that is to go is kept for the answers to its calls.
    static let lastAnswers = TimeAmount.milliseconds(500)
    /// Failures in a row after which an addon is suspended.
    static let failuresInRow = 10
    /// Seconds after which a suspended addon is tried again: 1, 2, 4 … up to this.
    static let longestSuspension = 60
    /// Content that is held and shown however little memory is left, in bytes.
    static let smallContentBytes = 16 << 10
    /// How much waits for an addon that is only told, when little memory is left, in bytes.
    static let notificationBytesInNeed = 256 << 10
    /// Buffers from this size on go back to the kernel when they are freed, in bytes.
    static let returnedBufferBytes = 1 << 20
    /// The most changes of one flow that `flow.blame` remembers, and their bytes.
    static let changesOfFlow = 64
    static let changeBytesOfFlow = 64 * 1024
    /// How much of a changed body `flow.blame` shows, in bytes.
    static let changedBodyBytes = 1024
    /// Addons that have changed a flow, whose names are remembered.
    static let changersOfFlow = 64
    /// Connections that were held, whose ids are remembered.
    static let formerHolds = 100
    /// How much of a comment and a mark lists of flows show, in bytes.
    static let listedNoteBytes = 256
    /// What waits to be told of flows that have ended, of one loop, in bytes …
    static let endedRowBytes = 4 << 20
    /// … and how many flows under way are told of at once.
    static let changedRows = 10_000
    /// How often those that watch flows are told.
    static let watchInterval = TimeAmount.milliseconds(100)
    /// The most messages of one flow that are kept for those who ask, and their bytes.
    static let keptMessages = 1_024
    /// Of how many addons that have left `stats` tells.
    static let formerAddons = 256
    /// Options of addons that may be set before an addon declares them.
    static let deferredOptions = 1_024
    /// Requests of addons, replays among them, that may be under way on one loop.
    static let ownRequests = 256
    /// The most bytes of a body that one `flow.body` gives.
    static let bodyPartBytes = 8 << 20
    /// How many steps (bytes of text times the size of the expression) the look for a regular expression may take on the
    /// loop, at 25 ns each at most; what takes more is looked for on another thread …
    static let shortSearchSteps = 40_000
    /// … but for a text as short as a host or most URLs, where it is the automaton's size that counts, and that is made once …
    static let shortTextBytes = 512
    static let expressionSizeForShortText = 32_000
    /// … and by a filter not at all when it takes more than these; then the event is sent as if it matched.
    static let longSearchSteps = 1 << 28
    /// The same for expressions that RE2 does not take: how many bytes are searched on the loop, and how long …
    static let shortSearchBytes = 4 * 1024
    static let shortSearch = Duration.milliseconds(1)
    /// … and how long on another thread.
    static let longSearch = Duration.milliseconds(50)
    /// After how long work over many flows lets its loop go on with other things.
    static let turnOfLongWork = TimeAmount.microseconds(500)
    /// How much of a body or message is printed with `flow_detail` 3, in bytes.
    static let printedBodyBytes = 4 * 1024
    /// Larger bodies are not searched by filters; then, too, the event is sent as if it matched.
    static let filteredBodyBytes = 16 << 20
    /// How long a client's TLS handshake may take, the server's in between included.
    static let tlsHandshake = TimeAmount.seconds(60)
    /// Idle upstream connections that one client connection keeps.
    static let idleUpstreams = 8
    /// The most bytes of one direction of a flow that addons have put in and that wait to be sent.
    static let injectedBytes = 16 << 20
    /// How long a client that sends no more is still answered.
    static let halfClosed = TimeAmount.seconds(1)
    /// How long input is still read, and dropped, after a connection's last response.
    static let lingering = TimeAmount.seconds(2)
    /// How deep JSON of the daemon's own may nest, with what addons have put into it.
    static let ownDepth = 1024
    /// How often idle connections are looked for.
    static let idleCheck = TimeAmount.seconds(5)
    /// Descriptors that no connection to a client or server takes: an eighth of all, but not fewer and not more.
    static let descriptorReserve = 16...256
    /// How long a listener rests that has no descriptor for a connection, unless one ends before.
    static let acceptPause = TimeAmount.seconds(1)
    /// Of how many things it is remembered when they were said.
    static let rememberedNotices = 1024
    /// Log entries of one source in a second; those beyond are counted.
    static let logEntriesPerSecond = 200
    /// The longest line of the log, and the longest message in it, in bytes.
    static let logLineBytes = 8 << 10
    /// How much of a URL the log shows, in bytes.
    static let loggedURLBytes = 1 << 10
    /// How often a request may come back to this daemon.
    static let rounds = 4
    /// Clients that may wait to be accepted.
    static let backlog: CInt = 1024
    /// Bytes written to a peer that wait before the writer is held back.
    static let writeBuffer = ChannelOptions.Types.WriteBufferWaterMark(low: 64 * 1024, high: 128 * 1024)
    /// Up to how many bytes what is written in several pieces is joined to one, rather than written apart.
    static let joinedBytes = 16 * 1024
    /// From how many unread bytes on no more are read from a peer.
    static let readAhead = 16 * 1024
    /// How many buffers are filled from a peer before what is in them is taken: each has 64 KiB at most.
    static let buffersAtOnce: UInt = 1
    /// How many bytes of a peer the kernel may hold, its own needs included.
    static let receiveBuffer = 6 << 20
    /// Up to how many unread bytes what comes is joined to one piece, which copies it.
    static let joinedUnread = 256 * 1024
    /// How many accepted credentials are remembered, so that their slow hashes are not checked again.
    static let provenCredentials = 256
    /// How long a client may take for one message of the SOCKS handshake.
    static let socksMessage = TimeAmount.seconds(30)
    /// How long a client may be silent before a server that may be the one to speak first is spoken to in TLS.
    static let firstWord = TimeAmount.milliseconds(200)
    /// The most bytes of a tunnel that are looked at before its content is taken for no HTTP.
    static let firstBytes = 24

    // MARK: HTTP/2

    /// How often a request is sent that servers refuse to act on, and say so.
    static let http2Tries = 5
    /// Streams that a client may have open on one connection.
    static let http2Streams = 100
    /// Exchanges of one connection that may be under way, those included whose stream has been reset.
    static let http2Exchanges = 200
    /// How much of a stream a peer may send ahead, in bytes.
    static let http2StreamWindow = 256 * 1024
    /// How much of all streams together a peer may send before it is acknowledged, in bytes.
    static let http2ConnectionWindow = 1024 * 1024
    /// Bytes written to a stream that wait before the writer is held back.
    static let http2PendingBytes = 64 * 1024
    /// Header blocks of one stream that may wait to be read: interim responses, a final one, trailers.
    static let http2WaitingHeaders = 16
    /// Frames of one field block beyond those that its largest size takes.
    static let http2ContinuationFrames = 16
    /// Streams that we have reset of which the peer may still have frames on the way.
    static let http2ResetStreams = 200
    /// DATA frames in a row that have no data.
    static let http2EmptyDataFrames = 16
    /// PING and SETTINGS acknowledgements that may wait to be sent.
    static let http2BufferedControlFrames = 1000
    /// In which time the following are counted.
    static let http2RateWindow = TimeAmount.seconds(30)
    /// RST_STREAM frames that a peer may send in that time.
    static let http2Resets = 500
    /// PING, SETTINGS, PRIORITY and the like that a peer may send in that time, and as many that carry nothing.
    static let http2ControlFrames = 1000
    /// WINDOW_UPDATE frames, and others that carry nothing, that a peer may send beyond `http2ControlFrames` in that time,
    /// for each field block of its own …
    static let http2FramesPerBlock = 4
    /// … and for each DATA frame sent to it, and each 4 KiB in that.
    static let http2FramesPerData = 16
    /// Frames that are errors of their stream, in that time.
    static let http2StreamErrors = 500

    // MARK: WebSocket

    /// How much of a compressed WebSocket message is taken before it is looked at how large it has become, in bytes.
    static let inflatedAtOnce = 4 * 1024
    /// How much of a WebSocket message is written before it is seen whether the peer takes it, in bytes.
    static let messagePiece = 64 * 1024
    /// Messages up to this size, in bytes, are copied behind the head of their frame and written with it.
    static let copiedMessage = 4 * 1024
    /// Larger messages are not kept for those who ask once they have gone by, in bytes.
    static let keptMessageBytes = 1 << 20
    /// Messages of addons that may wait for their turn in one direction of a WebSocket flow.
    static let injectedMessages = 64
    /// How long a peer may take to answer a close frame, or to close the connection after it.
    static let closingHandshake = TimeAmount.seconds(10)
    /// Protocols that an addon may have a server offered in TLS.
    static let alpnOffers = 32
    /// A list of ciphers that an addon wants.
    static let cipherListBytes = 4 * 1024
    /// A certificate with its key and chain that an addon gives: read on the loop.
    static let addonPEMBytes = 64 * 1024
    /// Requests of one addon's connection whose replies taps are shown with their latency.
    static let tappedRequests = 4096
    /// How many of a connection's first bytes `next_layer` shows, of either side.
    static let peekedBytes = 4 * 1024
}
