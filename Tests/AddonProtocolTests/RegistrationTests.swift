import AddonProtocol
import Testing

@Suite struct RegistrationTests {
    private func register(_ params: String) throws -> Registration {
        try Registration(params: try JSONReader.read(Array(params.utf8)))
    }

    @Test func needsOnlyAName() throws {
        let registration = try register(#"{"name":"x"}"#)
        #expect(registration.name == "x")
        #expect(registration.subscriptions.isEmpty)
        #expect(registration.order == Registration.Order())
        #expect(registration.maxInFlight == nil && registration.onFailure == nil && registration.disable == nil)
        #expect(!registration.isPooled)
    }

    @Test func readsEveryField() throws {
        let registration = try register(
            #"""
            {"protocol":[2,1], "name":"blocklist", "version":"0.3", "token":"t", "unknown":true,
             "events":[{"event":"request","body":"none","include":["request.headers"],"timeout_ms":10},
                       {"event":"response","body":{"preview":4096},"decode":true,"on_failure":"closed"},
                       {"event":"log","mode":"observe"}, "tcp_start"],
             "order":{"after":["auth"],"before":["recorder"],"priority":-3},
             "on_failure":"open", "timeout_ms":5000, "max_in_flight":64, "options":[], "commands":[],
             "pool":true, "disable":"not today", "capabilities":{"body_file":true,"delta":false}}
            """#
        )
        #expect(registration.protocolVersions == [2, 1])
        #expect(registration.version == "0.3")
        #expect(registration.token == "t")
        #expect(
            registration.subscriptions == [
                Subscription(event: .request, body: .none, include: ["request.headers"], timeoutMilliseconds: 10),
                Subscription(event: .response, body: .preview(4096), decode: true, onFailure: .closed),
                Subscription(event: .log, mode: .observe),
                Subscription(event: .tcpStart),
            ]
        )
        #expect(registration.order.after == ["auth"])
        #expect(registration.order.before == ["recorder"])
        #expect(registration.order.priority == -3)
        #expect(registration.onFailure == .open)
        #expect(registration.timeoutMilliseconds == 5000)
        #expect(registration.maxInFlight == 64 && registration.isPooled)
        #expect(registration.disable == "not today")
        #expect(registration.capabilities == ["body_file"])
    }

    @Test func whatIsKeptAndNoTimeoutReadBackAsTheyWere() throws {
        let subscription = Subscription(
            event: .response,
            keep: [.requestContent],
            timeoutMilliseconds: .never
        )
        let read = try Registration(params: ["name": "x", "timeout_ms": .null, "events": [subscription.json]])
        #expect(read.subscriptions == [subscription])
        #expect(read.timeoutMilliseconds == .never)
        #expect(try register(#"{"name":"x"}"#).timeoutMilliseconds == nil)
    }

    @Test func aPatternKeepsAtTheEventsAfterTheRequest() throws {
        let registration = try register(#"{"name":"x","events":[{"event":"re*","keep":["request.content"]}]}"#)
        let keeping = registration.subscriptions.filter { !$0.keep.isEmpty }.map(\.event)
        #expect(keeping == [.responseheaders, .response])
        #expect(registration.subscriptions.contains { $0.event == .request })
    }

    @Test(arguments: [
        (#"["*"]"#, false), (#"["**"]"#, false), (#"[{"event":"*"}]"#, false), (#"["socks5_auth"]"#, true),
        (#"["socks5_*"]"#, true), (#"[{"event":"*auth"}]"#, true), (#"["socks5_auth","*"]"#, true),
        (#"["*","socks5_auth"]"#, true),
    ])
    func whatIsNarrowerThanEverythingNamesAnEvent(_ events: String, isNamed: Bool) throws {
        let registration = try register(#"{"name":"x","events":\#(events)}"#)
        #expect(registration.subscriptions.first { $0.event == .socks5Auth }?.isNamed == isNamed)
    }

    @Test func laterEntriesOverrideEarlierOnes() throws {
        let registration = try register(
            #"{"name":"x","events":["request*",{"event":"request","body":"none"},{"event":"*","mode":"observe"},"done"]}"#
        )
        #expect(registration.subscriptions.count == Event.allCases.count)
        #expect(registration.subscriptions.filter { $0.mode == .enforce }.map(\.event) == [.done])
    }

    @Test(arguments: [
        (#"[]"#, "params"),
        (#"{}"#, "name"),
        (#"{"name":""}"#, "name"),
        (#"{"name":1}"#, "name"),
        (#"{"name":"a\nb"}"#, "name"),
        (#"{"name":"x","protocol":[2]}"#, "protocol"),
        (#"{"name":"x","protocol":["1",1]}"#, "protocol"),
        (#"{"name":"x","protocol":1}"#, "protocol"),
        (#"{"name":"x","version":1}"#, "version"),
        (#"{"name":"x","token":[]}"#, "token"),
        (#"{"name":"x","events":"request"}"#, "events"),
        (#"{"name":"x","events":["request",1]}"#, "events[1]"),
        (#"{"name":"x","events":["requst"]}"#, "events[0]"),
        (#"{"name":"x","events":[{"event":"foo_*"}]}"#, "events[0].event"),
        (#"{"name":"x","events":[{}]}"#, "events[0].event"),
        (#"{"name":"x","events":[{"event":"request","mode":"watch"}]}"#, "events[0].mode"),
        (#"{"name":"x","events":[{"event":"request","filter":"~d"}]}"#, "events[0].filter"),
        (#"{"name":"x","events":[{"event":"request","filter":1}]}"#, "events[0].filter"),
        (#"{"name":"x","events":[{"event":"tick","filter":"~all"}]}"#, "events[0].filter"),
        (#"{"name":"x","events":[{"event":"request","body":{"preview":-1}}]}"#, "events[0].body"),
        (#"{"name":"x","events":[{"event":"request","include":"a"}]}"#, "events[0].include"),
        (#"{"name":"x","events":[{"event":"request","exclude":[1]}]}"#, "events[0].exclude"),
        (#"{"name":"x","events":[{"event":"request","timeout_ms":0}]}"#, "events[0].timeout_ms"),
        (#"{"name":"x","events":[{"event":"request","on_failure":"ajar"}]}"#, "events[0].on_failure"),
        (#"{"name":"x","order":[]}"#, "order"),
        (#"{"name":"x","order":{"priority":"high"}}"#, "order.priority"),
        (#"{"name":"x","order":{"after":"y"}}"#, "order.after"),
        (#"{"name":"x","on_failure":true}"#, "on_failure"),
        (#"{"name":"x","timeout_ms":1.5}"#, "timeout_ms"),
        (#"{"name":"x","timeout_ms":1e300}"#, "timeout_ms"),
        (#"{"name":"x","max_in_flight":0}"#, "max_in_flight"),
        (#"{"name":"x","pool":1}"#, "pool"),
        (#"{"name":"x","pool":"true"}"#, "pool"),
        (#"{"name":"x","disable":true}"#, "disable"),
        (#"{"name":"x","capabilities":[]}"#, "capabilities"),
        (#"{"name":"x","options":[{"name":"a"}]}"#, "options[0].type"),
        (#"{"name":"x","options":[{"name":"A","type":"int"}]}"#, "options[0].name"),
        (#"{"name":"x","options":[{"name":"a","type":"int","default":"1"}]}"#, "options[0].default"),
        (#"{"name":"x","options":[1]}"#, "options"),
        (#"{"name":"x","commands":[{}]}"#, "commands[0].name"),
        (#"{"name":"x","commands":[{"name":"a","params":[{}]}]}"#, "commands[0].params[0].name"),
        (#"{"name":"x","commands":{}}"#, "commands"),
    ])
    func saysWhichFieldIsWrong(params: String, field: String) {
        let error = #expect(throws: ProtocolError.self) { try register(params) }
        #expect(error?.code == ProtocolError.invalidParams)
        #expect(error?.data?["field"]?.stringValue == field)
    }

    @Test func namesWhatWasFoundAndWhatIsAllowed() {
        let mode = #expect(throws: ProtocolError.self) {
            try register(#"{"name":"x","events":[{"event":"request","mode":"watch"}]}"#)
        }
        #expect(mode?.message == #"events[0].mode: found "watch"; allowed: "enforce" or "observe" or "audit""#)
        let event = #expect(throws: ProtocolError.self) { try register(#"{"name":"x","events":["requst"]}"#) }
        let expected = #"unknown event (did you mean request?): events[0]: found "requst"; allowed: start, configure"#
        #expect(event?.message.hasPrefix(expected) == true)
        let long = #expect(throws: ProtocolError.self) {
            try register("{\"name\":\"\(String(repeating: "x", count: 10_000))\"}")
        }
        #expect((long?.message.count ?? 0) < 300)
    }
}
