import AddonSDKTesting
import Testing

@testable import AddonSDK

private struct Shouting: RequestHandler, ResponseHandler, CommandHandler {
    let name = "shouting"

    func request(_ flow: HTTPFlow) {
        flow.request.headers["x-host"] = "\(flow.request.host):\(flow.request.port) \(flow.request.path)"
        if flow.request.text == "stop" { flow.kill() }
    }

    func response(_ flow: HTTPFlow) {
        guard flow.response?.status == 200 else { return }
        flow.response?.text = flow.response?.text?.uppercased()
    }

    func command(_ name: String, _ arguments: JSONValue) -> JSONValue { ["name": .string(name), "args": arguments] }
}

struct AddonTrialTests {
    private let trial = AddonTrial(Shouting())

    @Test func aHandlersPatchIsThereToLookAt() async throws {
        let flow = TestFlow.http("https://example.com:8443/a/b?c", method: "POST", content: "stop")
        let reply = try await trial.reply(to: .request, flow: flow)
        #expect(
            reply == ["flow": ["request": ["headers": ["x-host": "example.com:8443 /a/b?c"]]], "action": "kill"]
        )
        let plain = try await trial.reply(to: .request, flow: TestFlow.http("http://[::1]"))
        #expect(plain["flow"]?["request"]?["headers"] == ["x-host": "[::1]:80 /"])
    }

    @Test func aResponseIsChangedWhereThereIsOne() async throws {
        let flow = TestFlow.http(response: HTTPResponse(status: 200, headers: ["a": "b"], body: "quiet"))
        #expect(try await trial.reply(to: .response, flow: flow) == ["flow": ["response": ["content": "QUIET"]]])
        let missing = TestFlow.http(response: HTTPResponse(status: 404))
        #expect(try await trial.reply(to: .response, flow: missing) == [:])
    }

    @Test func commandsAreCalledAndWhatThereIsNotIsAnError() async throws {
        #expect(try await trial.command("look", ["at": 1]) == ["name": "look", "args": ["at": 1]])
        let error = await #expect(throws: AddonError.self) { try await trial.reply(to: .error, flow: TestFlow.http()) }
        #expect(error?.description == "the addon has no handler of error; it handles request, response")
        #expect(trial.events == [.request, .response])
    }
}
