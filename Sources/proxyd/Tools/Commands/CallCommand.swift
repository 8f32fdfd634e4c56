import AddonProtocol
import AddonSDK
import ArgumentParser

struct CallCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Make any call of the protocol, and print its answer.",
        discussion: """
            docs/protocol.md lists the calls. The answer is laid out for people, or on one line with --json.

            EXAMPLES
              proxyd call flow.create '{"request":{"url":"http://a.example"}}'
            """
    )

    @Argument(help: "The call, such as stats or flow.get.")
    var method: String

    @Argument(help: ArgumentHelp("Its params, an object; {} by default.", valueName: "json"))
    var params: String?

    @OptionGroup var tool: ToolOptions

    func validate() throws { _ = try object }

    func work() async throws {
        do {
            show(try await connect().call(method, object)) { JSONText.pretty($0) }
        } catch let error as ProtocolError where error.code == ProtocolError.methodNotFound {
            throw ToolFailure.usage("\(error.message); \(Self.hint(for: method))")
        }
    }

    /// The calls that a misspelt name may stand for; if none is near, all calls.
    private static func hint(for method: String) -> String {
        let calls = Call.allCases.filter { $0 != .initialize }.map(\.rawValue).sorted()
        let nearest = nearestNames(to: method, among: calls)
        if !nearest.isEmpty { return "did you mean \(nearest.joined(separator: " or "))?" }
        return "the calls are \(calls.joined(separator: ", "))"
    }

    private var object: JSONValue {
        get throws {
            guard let params else { return [:] }
            do throws(JSONError) {
                let json = try JSONReader.read(Array(params.utf8))
                if json.members != nil { return json }
            } catch {
                throw ValidationError("the params are not JSON: \(error)")
            }
            throw ValidationError("the params must be a JSON object, such as {\"id\":\"…\"}")
        }
    }
}
