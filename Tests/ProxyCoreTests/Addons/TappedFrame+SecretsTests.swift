import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct TappedFrameSecretsTests {
    private static let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n"

    private func shown(_ message: JSONValue, at event: Event?, from sender: TappedFrame.Sender = .addon) -> JSONValue {
        let frame = TappedFrame(
            addon: "a",
            sender: sender,
            time: 0,
            latencyMicroseconds: nil,
            event: event,
            flow: nil,
            message: message
        )
        let bytes = frame.members(sequence: 1, bodies: true, nil) + [UInt8(ascii: "}")]
        return (try? JSONReader.read(bytes))?["message"] ?? .null
    }

    @Test(arguments: [.serverconnect, .tlsClienthello, nil] as [Event?])
    func `a key that an addon gives is not shown, wherever it stands`(_ event: Event?) {
        let key = JSONValue.string(Self.key)
        let reply: JSONValue = [
            "id": 1,
            "result": [
                "server_conn": ["client_cert": ["base64": "AAAA"], "sni": key], "certificate": key, "alpn": ["h2"],
            ],
        ]
        #expect(
            shown(reply, at: event) == [
                "id": 1,
                "result": ["server_conn": ["client_cert": "***", "sni": "***"], "certificate": "***", "alpn": ["h2"]],
            ]
        )
        #expect(shown(key, at: event) == "***", "what could not be read")
    }

    @Test func `what goes by in flows is shown as it is`() {
        let reply: JSONValue = ["id": 1, "result": ["flow": ["response": ["content": .string(Self.key)]]]]
        #expect(shown(reply, at: .request) == reply)
        let event: JSONValue = ["id": 1, "method": "serverconnect", "params": ["server_conn": ["client_cert": "PEM"]]]
        #expect(shown(event, at: .serverconnect, from: .daemon) == event)
    }

    @Test(arguments: ["params", "result"])
    func `the value of a secret option is not shown, wherever options are`(part: String) {
        let frame: JSONValue = .object([.init(part, ["options": ["key": "x", "other": "y", "unset": .null]])])
        let shown: JSONValue = .object([.init(part, ["options": ["key": "***", "other": "y", "unset": .null]])])
        #expect(frame.hidingOptions(["key", "unset"]) == shown)
        let list: JSONValue = .object([.init(part, ["options": [["name": "key", "value": "x", "help": "h"]]])])
        let hidden: JSONValue = .object([.init(part, ["options": [["name": "key", "value": "***", "help": "h"]]])])
        #expect(list.hidingOptions(["key"]) == hidden && list.hidingOptions([]) == list)
    }

    private func withoutCommands(_ message: JSONValue) -> JSONValue {
        TappedFrame(
            addon: "a",
            sender: .addon,
            time: 0,
            latencyMicroseconds: nil,
            event: nil,
            flow: nil,
            message: message
        ).withoutCommands.message
    }

    @Test func `who may not see commands is shown none, of the option and of calls`() {
        let add: JSONValue = ["method": "addon.add", "params": ["name": "a", "command": "run --key=x"]]
        #expect(withoutCommands(add) == ["method": "addon.add", "params": ["name": "a", "command": "***"]])
        let option: JSONValue = ["params": ["options": ["addons": ["a=run --key=x"]]]]
        #expect(!"\(withoutCommands(option))".contains("--key"))
        let other: JSONValue = ["method": "command.call", "params": ["command": "run"]]
        #expect(withoutCommands(other) == other)
    }
}
