import AddonProtocol
import Testing

@Suite struct EventTests {
    @Test func knowsItsPositionAmongAll() {
        #expect(Event.allCases.map(\.ordinal) == Array(0..<Event.allCases.count))
    }

    @Test(arguments: [
        ("request", [Event.request]),
        ("requ", []),
        ("", []),
        ("request*", [.requestheaders, .request, .requestData]),
        ("*_connect", [.httpConnect]),
        ("tcp_*", [.tcpStart, .tcpMessage, .tcpError, .tcpEnd]),
        ("*connect*error", [.httpConnectError, .serverconnectError]),
        ("t*k", [.tick]),
        ("tick*", [.tick]),
        ("*tick**", [.tick]),
        ("ti*ick", []),
        ("tick*tick", []),
        ("nothing*", []),
        ("Request", []),
    ])
    func matchesPatterns(pattern: String, expected: [Event]) {
        #expect(Event.matching(pattern) == expected)
    }

    @Test func starMatchesEverything() {
        #expect(Event.matching("*") == Event.allCases)
    }

    @Test func knowsWhichEventsWaitForAReply() {
        #expect(Event.request.isRequest)
        #expect(Event.done.isRequest)
        #expect(!Event.tick.isRequest)
        #expect(!Event.clientdisconnect.isRequest)
        #expect(Event.dnsRequest.availability == .later)
        #expect(Event.httpConnect.availability == .now)
    }
}
