import AddonProtocol
import AddonSDK
import Foundation
import ProxyCore
import Synchronization

/// The addon that answers requests from recorded flows.
final class ServerReplay: RequestHandler, ConfigureHandler {
    private struct State {
        var options = ReplayOptions()
        /// The index in force, or the one being read.
        var index: Task<ReplayIndex?, Never>?
        /// The stamps of the files when they could not be read.
        var failed: [FileStamp?] = []
        /// Whether requests must come with their bodies. This is so until the files are read.
        var needsBodies = true
        var subscription: Subscription?
    }

    let name: String = BundledAddon.serverReplayName
    private let paths: [String]
    private let state = Mutex(State())

    init(_ paths: [String]) { self.paths = paths }

    init() throws { throw ToolFailure.usage("server replay needs the files to answer from") }

    var settings: AddonSettings {
        var settings = AddonSettings()
        settings.version = proxydVersion
        settings.options = ReplayOptions.declared
        // `configure` decides which subscription is needed.
        settings.subscriptions = [Self.subscription(State())]
        return settings
    }

    private static func subscription(_ state: State) -> Subscription {
        Subscription(
            event: .request,
            body: state.needsBodies ? .full : .none,
            include: ["request"],
            // A request that must not reach its server does not, whatever fails here.
            onFailure: state.options.extra == .forward ? .open : .closed,
            filter: "~q"
        )
    }

    /// Subscribes to what is needed now, if that has changed.
    private func subscribe() async throws {
        let wanted = state.withLock { state -> Subscription? in
            let subscription = Self.subscription(state)
            defer { state.subscription = subscription }
            return state.subscription == subscription ? nil : subscription
        }
        if let wanted { _ = try await Daemon.current.call(.subscribe, ["events": [wanted.json]]) }
    }

    // MARK: Options

    func configure(options: [String: JSONValue], updated: [String]) async throws {
        state.withLock { state in
            let former = state.options
            state.options.apply(options)
            let isSame = state.options.matching == former.matching && state.options.limits == former.limits
            if state.index == nil || !isSame { read(&state) }
        }
        try await subscribe()
    }

    // MARK: Files

    /// Starts rereading the files. Requests wait meanwhile; if the files cannot be read, the previous index stays in force.
    private func read(_ state: inout State) {
        let (options, former) = (state.options, state.index)
        state.needsBodies = true
        state.index = Task { [self] in
            let former = await former?.value
            let index = await read(options, former) ?? former
            self.state.withLock { $0.needsBodies = index?.needsBodies ?? true }
            try? await subscribe()
            return index
        }
    }

    @concurrent
    private func read(_ options: ReplayOptions, _ former: ReplayIndex?) async -> ReplayIndex? {
        let stamps = paths.map { FileStamp(path: $0) }
        do throws(FlowFileError) {
            let index = try ReplayIndex(paths, options.matching, options.limits, former: former)
            say(index)
            return index
        } catch {
            state.withLock { $0.failed = stamps }
            let kept =
                former.map {
                    "; the flows read before stay in force" + ($0.isIntact ? "" : ", as far as the file still has them")
                } ?? ""
            try? Daemon.current.log("\(error)\(kept)", level: .error)
            return nil
        }
    }

    private func say(_ index: ReplayIndex) {
        let what = Words.count(index.count, "response", "responses")
        try? Daemon.current.log("\(what) to answer requests with, from \(paths.joined(separator: ", "))")
        for (reason, count, first) in index.leftOut {
            let flows = Words.count(count, "flow is", "flows are")
            try? Daemon.current.log("\(flows) left out: \(reason) (first: \(first))", level: .warn)
        }
    }

    /// The index of the current files.
    private func index() async -> ReplayIndex? {
        guard let index = await state.withLock({ $0.index })?.value else { return nil }
        guard !index.isCurrent else { return index }
        let stamps = paths.map { FileStamp(path: $0) }
        let newer = state.withLock { state in
            if stamps != state.failed { read(&state) }
            return state.index
        }
        return await newer?.value
    }

    // MARK: Requests

    func request(_ flow: HTTPFlow) async throws {
        let index = await index()
        let options = state.withLock { $0.options }
        let request = flow.snapshot["request"] ?? .null
        if let index, let key = index.matching.key(of: request),
            let place = index.next(for: key, keeping: options.reuses), let recorded = await recorded(index, place)
        {
            let now = options.refreshes ? Date().timeIntervalSince1970 : nil
            flow.response = RecordedResponse(of: recorded, refreshedAt: now).response
            flow.replay = .response
        } else {
            treat(flow, request, options.extra)
        }
    }

    /// Finds the response, off the thread that reads the socket.
    ///
    /// - Returns: nil when the flow is no longer in the file, which counts as not recorded.
    @concurrent
    private func recorded(_ index: ReplayIndex, _ place: ReplayIndex.Place) async -> JSONValue? {
        do throws(FlowFileError) {
            return try index.flow(at: place)
        } catch {
            try? Daemon.current.log("\(error)", level: .error)
            return nil
        }
    }

    private func treat(_ flow: HTTPFlow, _ request: JSONValue, _ extra: ReplayOptions.Extra) {
        let done: String
        switch extra {
        case .forward: return
        case .kill:
            flow.kill()
            done = "killed"
        case .status(let status):
            flow.response = HTTPResponse(status: status, headers: ["content-length": "0"])
            done = "answered by \(status)"
        }
        let what = "\(request.text("method")) \(request.text("url"))"
        try? Daemon.current.log("\(done), since no response to it was recorded: \(what)", level: .warn, flow: flow)
    }
}
