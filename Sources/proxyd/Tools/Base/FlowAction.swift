import AddonProtocol
import AddonSDK

/// A call about one flow that answers whether it applied.
struct FlowAction {
    var call: Call
    /// What is then said of the flow.
    var done: String

    /// Does all, and fails in the end if one did not apply.
    func apply(to ids: [String], _ daemon: Daemon, json: Bool) async throws {
        var failure: ToolFailure?
        for id in ids {
            do {
                let answer = try await FlowArgument.known(id) { try await daemon.call(call, ["id": .string(id)]) }
                if answer["applied"] != true { failure = .nothing("\(id): \(answer.text("reason"))") }
                if json {
                    Output.line(JSONText.line(.object([.init("id", .string(id))] + (answer.members ?? []))))
                } else if answer["applied"] == true {
                    Output.line("\(escapedForTerminal(id)) \(done)")
                }
            } catch let error as ToolFailure {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
