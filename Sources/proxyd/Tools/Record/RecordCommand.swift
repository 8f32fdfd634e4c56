import AddonProtocol
import AddonSDK
import ArgumentParser
import Foundation

struct RecordCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Record the frames between the daemon and its addons, or the flows, until Ctrl-C.",
        discussion: """
            Writes every frame with its bodies as a line of JSON, for `proxyd play` to play to an addon again. With --flows it writes \
            the flows instead: each as it ends, as a line of JSON; if FILE ends in .har, as HAR 1.2. The tools themselves and the \
            inspector are left out, unless --addon names them. Nothing waits for the recorder: what it cannot write in time is left \
            out, and it reports how much. An existing FILE is overwritten. Only its owner may read it, since it may contain passwords \
            and cookies. - is stdout.

            EXAMPLES
              proxyd record session.jsonl
              proxyd record session.jsonl --addon add-header '~d example.com & ~m post'
              proxyd record session.har '~d example.com'
            """
    )

    @Argument(help: ArgumentHelp("Where to write.", valueName: "file"), completion: .file())
    var file: String

    @Argument(help: ArgumentHelp("Only what concerns flows that match this flow filter.", valueName: "filter"))
    var filter: String?

    @Option(help: ArgumentHelp("Only the frames of this addon; may be repeated.", valueName: "name"))
    var addon: [String] = []

    @Flag(help: "Write flows instead of frames.")
    var flows = false

    @OptionGroup var tool: ToolOptions

    /// A HAR file contains flows, never frames.
    private var writesFlows: Bool { flows || isHAR }
    private var isHAR: Bool { file.hasSuffix(".har") }

    func validate() throws {
        guard !writesFlows || addon.isEmpty else {
            throw ValidationError(
                "--addon selects frames: --flows, and a FILE that ends in .har, write the flows of all addons"
            )
        }
        guard !tool.json || file != "-" else {
            throw ValidationError("--json needs a FILE: the recording goes to stdout")
        }
        guard let filter else { return }
        do throws(ProtocolError) {
            _ = try Subscription.parse([["event": "request", "filter": .string(filter)]])
        } catch {
            throw ValidationError(error.message.replacing("events[0].", with: ""))
        }
    }

    func run() throws {
        ToolProcess.run(finishes: true) { try await work() }
    }

    func work() async throws {
        let output = OutputLines(path: file)
        if writesFlows { try await recordFlows(to: output) } else { try await recordFrames(to: output) }
    }

    private func recordFrames(to output: OutputLines) async throws {
        let recorder = FrameRecorder(output, hidesOnlookers: addon.isEmpty)
        let daemon = try await connect { call in
            recorder.receive(call)
            return nil
        }
        var params: [JSONValue.Member] = [.init("bodies", true)]
        if !addon.isEmpty { params.append(.init("addons", .array(addon.map { .string($0) }))) }
        if let filter {
            params.append(.init("filter", .string(filter)))
            // A filter that is none must not cost a recording that is there.
            _ = try await daemon.call(.flowList, ["filter": .string(filter), "limit": 0])
        }
        try output.open()
        let known = try await recorder.begin(daemon, time: Date().timeIntervalSince1970)
        for name in addon where !known.contains(name) { say(Self.absent(name, among: known)) }
        _ = try await daemon.call(.tapStart, .object(params))
        let isThere = await wait(for: daemon, stop: .tapStop, [:], received: { recorder.received })
        await daemon.leave()
        try end(recorder.summary, recorder.counted, isThere)
    }

    private static func absent(_ name: String, among known: [String]) -> String {
        let others = known.filter { !ToolOptions.isOnlooker($0) }
        let there = others.isEmpty ? "there are none" : "there are: \(others.joined(separator: ", "))"
        return "no addon \(name) yet (\(there)); it is recorded once it connects"
    }

    private func recordFlows(to output: OutputLines) async throws {
        let recorder = FlowRecorder(output, isHAR ? .har : .lines)
        let subscriptions = FlowRecorder.subscriptions(filter: filter)
        let daemon = try await connect(subscriptions) { call in
            recorder.receive(call)
            return nil
        }
        try output.open()
        let writing = Task { await recorder.run(daemon) }
        let isThere = await wait(for: daemon, stop: .unsubscribe, ["events": ["*"]], received: { recorder.received })
        recorder.finish()
        await writing.value
        await daemon.leave()
        try end(recorder.summary, recorder.counted, isThere)
    }

    private func end(_ summary: String, _ counted: JSONValue, _ daemonIsThere: Bool) throws {
        say(summary)
        if tool.json { Output.line(JSONText.line(counted)) }
        if !daemonIsThere { throw DaemonError.connectionLost }
    }

    /// Waits until the task is cancelled or the connection is lost, and until everything that the daemon had to send by then has arrived.
    ///
    /// - Parameters:
    ///   - stop: the call after which nothing new is sent.
    ///   - received: the number of messages received.
    /// - Returns: whether the daemon is still there.
    private func wait(
        for daemon: Daemon,
        stop: Call,
        _ params: JSONValue,
        received: @Sendable @escaping () -> Int
    ) async -> Bool {
        say("recording to \(file); Ctrl-C ends it")
        let cancelled = Task { try await Task.sleep(for: .seconds(Int32.max)) }
        Task {
            await daemon.waitUntilClosed()
            cancelled.cancel()
        }
        _ = await withTaskCancellationHandler {
            await cancelled.result
        } onCancel: {
            cancelled.cancel()
        }
        guard (try? await daemon.call(stop, params)) != nil else { return false }
        // An answer may overtake queued notifications. When none arrive beside it, none are queued.
        var before = -1
        while before != received() {
            before = received()
            guard (try? await daemon.call(.ping)) != nil else { return false }
        }
        return true
    }

    /// Writes to stderr, since the recording may go to stdout.
    private func say(_ text: String) { Notice.write(escapedForTerminal(text)) }
}
