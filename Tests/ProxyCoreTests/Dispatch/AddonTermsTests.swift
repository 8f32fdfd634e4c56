import AddonProtocol
import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// Which of its subscriptions an addon gets, as rights and options change.
struct AddonTermsTests {
    private func rights(_ attached: [String], redact: [String] = []) throws -> (AddonRights, Options) {
        let texts = { (list: [String]) -> JSONValue in .array(list.map { .string($0) }) }
        let changes = ["attached_rights": texts(attached), "redact": texts(redact)]
        let options = try Options().applying(changes).options
        let identity = AddonIdentity(try Registration(params: ["name": "a"]), nil, uid: getuid())
        return (AddonRights(identity, nil, options), options)
    }

    private func terms(_ events: JSONValue, _ attached: [String]) throws -> AddonTerms {
        let (rights, options) = try rights(attached)
        return try AddonTerms(Registration(params: ["name": "a", "events": events]), nil, rights, options)
    }

    private func renewed(_ terms: AddonTerms, _ attached: [String], redact: [String] = []) throws -> AddonTerms {
        let (rights, options) = try rights(attached, redact: redact)
        return terms.renewed(nil, rights, options)
    }

    @Test func `what is lost comes again with its right, but not what was unsubscribed`() throws {
        var all = try terms(["request", "response", "error"], ["events", "mutate"])
        all.unsubscribe([.error])
        let fewer = try renewed(all, ["events=request,error"])
        #expect(fewer.eventNames == ["request"])
        #expect(try renewed(fewer, ["events", "mutate"]).eventNames == ["request", "response"])
    }

    @Test func `a pattern for all events takes what is given later`() throws {
        let few = try terms(["*"], ["events=request"])
        #expect(few.eventNames == ["request"])
        #expect(try renewed(few, ["events=response,request"]).eventNames == ["request", "response"])
    }

    @Test func `who may change something again has its flows wait again`() throws {
        let observing = try renewed(try terms(["request"], ["events", "mutate"]), ["events"])
        #expect(observing.byEvent[.request]?.mode == .observe)
        let enforcing = try renewed(observing, ["events", "mutate=comment"])
        #expect(enforcing.byEvent[.request]?.mode == .enforce)
        #expect(enforcing.byEvent[.request]?.mutablePaths == MutablePaths(["comment"]))
    }

    @Test func `a subscription stays one by name`() throws {
        var terms = try terms(["socks5_auth"], ["events", "mutate"])
        try terms.subscribe(Subscription.parse(["*"]))
        #expect(terms.byEvent[.socks5Auth]?.isNamed == true)
        #expect(try renewed(terms, ["events"]).byEvent[.socks5Auth]?.isNamed == true)
    }

    @Test func `a guard's successor takes over what is closed until it is ready`() throws {
        let closed: JSONValue = ["event": "request", "on_failure": "closed", "timeout_ms": 9]
        let rights = ["events", "mutate"]
        let former = try terms([closed, "response"], rights)
        let guarded = try terms(["request", "error"], rights).guarded(by: former)
        #expect(guarded.eventNames == ["request", "error"])
        #expect(guarded.byEvent[.request]?.onFailure == .closed)
        #expect(guarded.byEvent[.request]?.absenceMilliseconds == 9)
        let free = try terms(["request"], rights).guarded(by: terms(["error"], rights))
        #expect(free.byEvent[.request]?.onFailure == .open)
    }

    @Test func `redaction and times are those of now`() throws {
        let former = try terms([["event": "request", "timeout_ms": 9_000]], ["events", "mutate"])
        let (rights, _) = try rights(["events", "mutate"], redact: ["a:cookie"])
        let options = try Options().applying(["max_timeout_ms": 6_000, "timeout_ms": 1_000]).options
        let terms = former.renewed(nil, rights, options)
        #expect(terms.timeoutMilliseconds == 1_000)
        #expect(terms.byEvent[.request]?.timeout == 6_000)
        #expect(terms.byEvent[.request]?.shape.redaction == Redaction(["cookie"]))
    }

    @Test func `no timeout needs the option, and has an end when that is taken back`() throws {
        let (rights, options) = try rights(["events", "mutate"])
        let registration = try Registration(params: [
            "name": "a", "events": [["event": "request", "timeout_ms": .null]],
        ])
        #expect(throws: ProtocolError.self) { try AddonTerms(registration, nil, rights, options) }
        let allowing = try options.applying(["allow_no_timeout": true]).options
        let terms = try AddonTerms(registration, nil, rights, allowing)
        #expect(terms.byEvent[.request]?.timeout == .never)
        #expect(terms.byEvent[.request]?.absenceMilliseconds == options.maxTimeoutMs)
        let renewed = terms.renewed(nil, rights, options)
        #expect(renewed.byEvent[.request]?.timeout == .milliseconds(options.maxTimeoutMs))
        #expect(renewed.renewed(nil, rights, allowing).byEvent[.request]?.timeout == .never)
    }

    @Test func `an entry goes over what the addon asks for, and another entry over that`() throws {
        let former = try terms(["request"], ["events", "mutate"])
        let (rights, options) = try rights(["events", "mutate"])
        let closed = AddonSpec(name: "a", command: "run", onFailure: .closed, timeoutMs: 200)
        let terms = former.renewed(closed, rights, options)
        #expect(terms.isBinding && terms.byEvent[.request]?.timeout == 200)
        #expect(!terms.renewed(nil, rights, options).isBinding)
    }

    @Test func `of what an entry names as its events the rest is enforced when one may not be had`() throws {
        var spec = AddonSpec(name: "a", command: "run", onFailure: .closed)
        spec.events = try Subscription.parse(["request", "response"])
        let options = try Options().applying(["grants": ["a:events=request"]]).options
        #expect(AddonTerms(declared: spec, options).whileAbsent.eventNames == ["request"])
    }
}
