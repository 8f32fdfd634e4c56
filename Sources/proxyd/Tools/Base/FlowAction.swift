import AddonProtocol
import AddonSDK

/// A call about one flow whose answer says whether it applied.
struct FlowAction {
    var call: Call
    /// What to print about the flow afterwards.
    var done: String

    /// Makes the call for every flow, and fails at the end if one of them did not apply.
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
