import AddonProtocol
import AddonSDK
package import ArgumentParser
import Foundation

package struct RecordCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Record what the daemon and its addons say to each other, until Ctrl-C.",
        discussion: """
            Writes every frame with its bodies as a line of JSON, which `proxyd play` plays to an addon again. With --flows it writes \
            the flows instead, each as it ends: as HAR 1.2 when FILE ends in .har, else a line of JSON each. Nothing waits for the \
            recorder: what it cannot write in time is left out, and it says how much. A FILE that is there is \
            written anew; it is for its owner alone, since it may hold passwords and cookies. - is stdout.

            EXAMPLES
              proxyd record session.jsonl
              proxyd record session.jsonl --addon add-header '~d example.com & ~m post'
              proxyd record --flows session.har '~d example.com'
            """
    )

    @Argument(help: ArgumentHelp("Where to write.", valueName: "file"))
    var file: String

    @Argument(help: ArgumentHelp("Only what is about flows that match this flow filter.", valueName: "filter"))
    var filter: String?

    @Option(help: ArgumentHelp("Only the frames of this addon; may be repeated.", valueName: "name"))
    var addon: [String] = []

    @Flag(help: "Write flows instead of frames.")
    var flows = false

    @Option(
        help: ArgumentHelp(
            "The daemon's addon socket. Without it PROXYD_ADDON_SOCKET, or else the default path.",
            valueName: "path"
        )
    )
    var socket: String?

    package init() {}

    package func validate() throws {
        guard !flows || addon.isEmpty else {
            throw ValidationError("--addon goes with frames: --flows writes the flows of all")
        }
        guard let filter else { return }
        do throws(ProtocolError) {
            _ = try Subscription.parse([["event": "request", "filter": .string(filter)]])
        } catch {
            throw ValidationError(error.message.replacing("events[0].", with: ""))
        }
    }

    package func run() throws {
        let output = OutputLines(path: file)
        let command = self
        do {
            try Interrupts.cancelling {
                if command.flows {
                    try await command.recordFlows(to: output)
                } else {
                    try await command.recordFrames(to: output)
                }
            }
        } catch let error as SocketError {
            throw PlayFailure(ToolFailure(error).message)
        } catch {
            throw PlayFailure("\(error)")
        }
        if let error = output.error { throw error }
    }

    private func recordFrames(to output: OutputLines) async throws {
        let recorder = FrameRecorder(output)
        let daemon = try await Daemon(socket: socket, name: "proxyd-record") { call in
            recorder.receive(call)
            return nil
        }
        var params: [JSONValue.Member] = [.init("bodies", true)]
        if !addon.isEmpty { params.append(.init("addons", .array(addon.map { .string($0) }))) }
        if let filter {
            params.append(.init("filter", .string(filter)))
            // A filter that is none must not cost a recording that is there.
            _ = try await daemon.call("flow.list", ["filter": .string(filter), "limit": 0])
        }
        try output.open()
        let known = try await recorder.begin(daemon, time: Date().timeIntervalSince1970)
        for name in addon where !known.contains(name) { say(Self.absent(name, among: known)) }
        _ = try await daemon.call("tap.start", .object(params))
        let isThere = await wait(for: daemon, stop: "tap.stop", [:], received: { recorder.received })
        await daemon.leave()
        try end(recorder.summary, isThere)
    }

    private static func absent(_ name: String, among known: [String]) -> String {
        let others = known.filter { !$0.hasPrefix("proxyd-") }
        let there = others.isEmpty ? "there is none" : "there are: \(others.joined(separator: ", "))"
        return "no addon \(name) yet (\(there)); it is recorded from when it comes"
    }

    private func recordFlows(to output: OutputLines) async throws {
        let recorder = FlowRecorder(output, file.hasSuffix(".har") ? .har : .lines)
        let subscriptions = FlowRecorder.subscriptions(filter: filter)
        let daemon = try await Daemon(socket: socket, name: "proxyd-record", subscriptions: subscriptions) { call in
            recorder.receive(call)
            return nil
        }
        try output.open()
        let writing = Task { await recorder.run(daemon) }
        let isThere = await wait(for: daemon, stop: "unsubscribe", ["events": ["*"]], received: { recorder.received })
        recorder.finish()
        await writing.value
        await daemon.leave()
        try end(recorder.summary, isThere)
    }

    private func end(_ summary: String, _ daemonIsThere: Bool) throws(PlayFailure) {
        say(summary)
        if !daemonIsThere { throw PlayFailure("the daemon has closed the connection") }
    }

    /// Until the task is cancelled or the daemon goes, and what it had to send by then has come.
    ///
    /// - Parameters:
    ///   - stop: the call after which nothing new is sent.
    ///   - received: how many messages have come.
    /// - Returns: whether the daemon is still there.
    private func wait(
        for daemon: Daemon,
        stop: String,
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
        // An answer may come before what waits to be sent; when nothing comes beside it, nothing waits.
        var before = -1
        while before != received() {
            before = received()
            guard (try? await daemon.call("ping")) != nil else { return false }
        }
        return true
    }

    /// On stderr, since the recording may go to stdout.
    private func say(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data("proxyd: \(escapedForTerminal(text))\n".utf8))
    }
}
