import AddonProtocol
import Testing

@Suite struct CallTests {
    @Test(arguments: [
        ("ping", Call.ping), ("flow.get", .flowGet), ("inject.websocket", .injectWebSocket), ("flow.gets", nil),
        ("Ping", nil), ("request", nil), ("", nil),
    ])
    func hasItsNameOnTheSocket(name: String, expected: Call?) {
        #expect(Call(rawValue: name) == expected)
    }

    @Test func onlyCallsAboutOneFlowNameIt() {
        let about = Call.allCases.filter { $0.flowArgument != nil }
        #expect(
            about == [
                .flowGet, .flowBody, .flowMessages, .flowBlame, .flowUpdate, .flowResume, .flowKill, .flowReplay,
                .injectWebSocket, .injectTCP,
            ]
        )
        #expect(Call.flowKill.flowArgument == "id" && Call.injectTCP.flowArgument == "flow")
    }

    @Test func whatIsAboutOneFlowNeedsARight() {
        for call in Call.allCases where call.flowArgument != nil {
            #expect(call.right == .flowsRead || call.right == .flowsWrite)
        }
        #expect(Call.log.right == nil && Call.commandCall.right == .addons && Call.shutdown.right == .shutdown)
    }
}
