/// The calls from an addon into the daemon, by their names on the socket (section 7 of the protocol).
///
/// What precedes the colon are the arguments; `?` marks one that may be absent. `Registration` has those of `initialize`.
public enum Call: String, CaseIterable, Sendable {
    /// Registers the addon, as the first message of its connection.
    case initialize
    /// `level?`, `msg`, `flow?`: writes an entry to the log.
    case log
    /// Is answered at once.
    case ping
    /// Announces that the addon is about to leave of its own accord.
    case leave
    /// `events`: adds subscriptions.
    case subscribe
    /// `events`: ends subscriptions.
    case unsubscribe
    /// `id`, `extend_ms`: extends the deadline of an event that waits for the addon.
    case progress
    /// `names?`: the values of options.
    case optionsGet = "options.get"
    /// Every option, with its type, default, value and help.
    case optionsList = "options.list"
    /// `options`: sets options, all or none.
    case optionsSet = "options.set"
    /// Every addon, with its state.
    case addonList = "addon.list"
    /// What the daemon is, and where it listens.
    case serverInfo = "server.info"
    /// Counters, latencies and memory.
    case stats
    /// `filter?`, `limit?`, `before?`: a page of rows, the newest flow first.
    case flowList = "flow.list"
    /// `id`: the snapshot of a flow.
    case flowGet = "flow.get"
    /// `filter?`, `limit?`, `live?`, `after?`: as `flow.list`, and then what changes.
    case flowSubscribe = "flow.subscribe"
    /// Ends the notifications of a live `flow.subscribe`.
    case flowUnsubscribe = "flow.unsubscribe"
    /// `id`, `part`, `offset?`, `length?`, `decode?`: a piece of a body.
    case flowBody = "flow.body"
    /// `id`, `from?`, `limit?`: messages of a TCP or WebSocket flow.
    case flowMessages = "flow.messages"
    /// `id`: which addon changed what.
    case flowBlame = "flow.blame"
    /// `id`, `patch`, `rev?`: changes a flow by the rules of a reply.
    case flowUpdate = "flow.update"
    /// `ids?`, `filter?`: removes ended flows from the history.
    case flowForget = "flow.forget"
    /// `id`: resumes a held flow, or a held connection.
    case flowResume = "flow.resume"
    /// `id`: closes both sides of a flow, or a held connection.
    case flowKill = "flow.kill"
    /// All flows and connections that are held.
    case holdList = "hold.list"
    /// `id`, `patch?`: sends a flow's request again, as a new flow.
    case flowReplay = "flow.replay"
    /// `request`, `server_conn?`, `is_replay?`: sends a request of the addon's own, as a new flow.
    case flowCreate = "flow.create"
    /// Every command of an addon.
    case commandList = "command.list"
    /// `name`, `args?`: calls a command.
    case commandCall = "command.call"
    /// `name`, `command`, `processes?`: starts an addon.
    case addonAdd = "addon.add"
    /// `name`: stops an addon.
    case addonRemove = "addon.remove"
    /// `name`: stops an addon and starts it again.
    case addonReload = "addon.reload"
    /// `flow`, `to_client`, `type`, `content`: sends a WebSocket message.
    case injectWebSocket = "inject.websocket"
    /// `flow`, `to_client`, `content`: sends bytes in a TCP flow.
    case injectTCP = "inject.tcp"
    /// `addons?`, `events?`, `filter?`, `bodies?`: shows the frames between the daemon and its addons.
    case tapStart = "tap.start"
    /// Ends the addon's tap.
    case tapStop = "tap.stop"
    /// Stops the daemon.
    case shutdown
}

extension Call {
    /// The right that it needs; nil: none.
    public var right: RightGroup? {
        switch self {
        case .flowList, .flowGet, .flowBody, .flowMessages, .flowBlame, .flowSubscribe, .flowUnsubscribe, .holdList,
            .tapStart, .tapStop:
            .flowsRead
        case .flowUpdate, .flowForget, .flowResume, .flowKill, .flowReplay, .flowCreate, .injectTCP, .injectWebSocket:
            .flowsWrite
        case .optionsSet: .options
        case .addonAdd, .addonRemove, .addonReload, .commandCall: .addons
        case .shutdown: .shutdown
        case .initialize, .log, .ping, .leave, .subscribe, .unsubscribe, .progress, .optionsGet, .optionsList,
            .addonList, .serverInfo, .stats, .commandList:
            nil
        }
    }

    /// The argument that names the flow which the call is about; nil: it is not about one flow.
    public var flowArgument: String? {
        switch self {
        case .flowGet, .flowBody, .flowMessages, .flowBlame, .flowUpdate, .flowResume, .flowKill, .flowReplay: "id"
        case .injectTCP, .injectWebSocket: "flow"
        case .initialize, .log, .ping, .leave, .subscribe, .unsubscribe, .progress, .optionsGet, .optionsList,
            .optionsSet, .addonList, .serverInfo, .stats, .flowList, .flowSubscribe, .flowUnsubscribe, .flowForget,
            .holdList, .flowCreate, .commandList, .commandCall, .addonAdd, .addonRemove, .addonReload, .tapStart,
            .tapStop, .shutdown:
            nil
        }
    }
}
