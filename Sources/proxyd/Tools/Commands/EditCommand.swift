import AddonProtocol
import AddonSDK
import ArgumentParser

struct EditCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Open a flow as JSON in $EDITOR, and send back what you changed.",
        discussion: """
            Best while the flow is held (proxyd hold), since otherwise most changes come too late. Then: proxyd resume FLOW.

            EXAMPLES
              EDITOR=vim proxyd edit f6ghey03
            """
    )

    /// The members of a flow that can change.
    private static let parts = ["request", "response", "messages", "server_conn", "metadata", "marked", "comment"]

    @Argument(help: "The flow's id, as proxyd flows lists it.")
    var flow: String

    @OptionGroup var tool: ToolOptions

    func work() async throws {
        let daemon = try await connect()
        let snapshot = try await FlowArgument.flow(flow, of: daemon)
        let old = JSONValue.object((snapshot.members ?? []).filter { Self.parts.contains($0.name) })
        let file = try EditedFile(text: JSONText.pretty(old).joined(separator: "\n") + "\n")
        try file.edit()
        let new = try file.read()
        guard let patch = MergeDifference.patch(from: old, to: new) else {
            file.remove()
            return show(["applied": false, "reason": "nothing was changed"]) { [$0.text("reason")] }
        }
        let answer = try await send(patch, snapshot["rev"] ?? 0, daemon, file)
        guard answer["applied"] == true else {
            throw ToolFailure.nothing(file.kept("not applied: \(answer.text("reason"))"))
        }
        file.remove()
        show(answer) { _ in Change.made(by: patch, of: old).map { $0.line(Terminal.standard) } }
    }

    private func send(
        _ patch: JSONValue,
        _ revision: JSONValue,
        _ daemon: Daemon,
        _ file: EditedFile
    ) async throws -> JSONValue {
        do {
            return try await daemon.call(.flowUpdate, ["id": .string(flow), "patch": patch, "rev": revision])
        } catch {
            var failure = ToolFailure(error)
            let isStale = (error as? ProtocolError)?.code == ProtocolError.staleRevision
            failure.message = file.kept(isStale ? "the flow was changed meanwhile" : failure.message)
            throw failure
        }
    }
}
