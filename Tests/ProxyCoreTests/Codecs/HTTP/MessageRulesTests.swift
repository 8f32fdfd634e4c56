import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct MessageRulesTests {
    // MARK: Persistence

    @Test(arguments: [
        (HTTPVersion.http11, nil, true), (.http11, "close", false), (.http11, "keep-alive, Close", false),
        (.http11, "upgrade", true), (.http11, "closed", true), (.http10, nil, false), (.http10, "Keep-Alive", true),
        (.http10, "keep-alive, close", false), (.http10, "upgrade", false),
    ])
    func persistence(_ version: HTTPVersion, connection: String?, keepsAlive: Bool) {
        var fields: HeaderFields = ["Host": "a"]
        if let connection { fields.append("connection", connection) }
        #expect(RequestHead(method: "GET", target: [], version: version, fields: fields).keepsAlive == keepsAlive)
        #expect(ResponseHead(status: 200, reason: [], version: version, fields: fields).keepsAlive == keepsAlive)
    }

    @Test func tellsPersistenceOnlyWhereItMust() {
        func told(_ keepsAlive: Bool, _ peer: HTTPVersion, _ fields: HeaderFields = ["X": "y"]) -> HeaderFields {
            var fields = fields
            MessageRules.setPersistence(keepsAlive, with: peer, in: &fields)
            return fields
        }
        #expect(told(true, .http11) == ["X": "y"])
        #expect(told(false, .http10) == ["X": "y"])
        #expect(told(false, .http11) == ["X": "y", "Connection": "close"])
        #expect(told(true, .http10) == ["X": "y", "Connection": "keep-alive"])
        #expect(told(false, .http11, ["connection": "Close"]) == ["connection": "Close"])
        #expect(told(false, .http11, ["connection": "TE", "X": "y"]) == ["connection": "TE, close", "X": "y"])
    }

    // MARK: Host

    @Test func hostFollowsTheTarget() {
        func host(_ fields: HeaderFields, _ host: String, _ port: Int?) -> HeaderFields {
            var fields = fields
            MessageRules.setHost(Authority(host: host, port: port), scheme: "http", in: &fields)
            return fields
        }
        #expect(host(["A": "b", "hOST": "other"], "a", 81) == ["A": "b", "hOST": "a:81"])
        #expect(host(["A": "b", "Host": "A:80"], "a", nil) == ["A": "b", "Host": "A:80"])
        #expect(host(["A": "b"], "a", 80) == ["Host": "a", "A": "b"])
        #expect(host(["Host": ""], "::1", 8080) == ["Host": "[::1]:8080"])
    }

    // MARK: Hop-by-hop fields

    private func forwarded(
        _ fields: HeaderFields,
        _ direction: MessageRules.Direction = .request,
        keepingUpgrade: Bool = false
    ) -> HeaderFields {
        var fields = fields
        MessageRules.removeHopByHop(from: &fields, of: direction, keepingUpgrade: keepingUpgrade)
        return fields
    }

    @Test func leavesEverythingElse() {
        let fields: HeaderFields = ["hOsT": "a", "A": "1", "a": "2", "Via": "1.1 x", "Trailer": "X", "Date": "\u{e9}"]
        #expect(forwarded(fields) == fields)
        #expect(forwarded(fields, .response) == fields)
    }

    @Test func dropsWhatWasForThisHop() {
        let fields: HeaderFields = [
            "A": "1", "Connection": "close, X-Hop", "Keep-Alive": "5", "proxy-connection": "keep-alive", "x-hop": "1",
            "Upgrade": "h2c", "TE": "gzip", "X-HOP": "2", "Proxy-Authorization": "Basic x", "B": "2",
        ]
        #expect(forwarded(fields) == ["A": "1", "B": "2"])
    }

    @Test func authenticationBelongsToOneDirection() {
        let fields: HeaderFields = [
            "Proxy-Authorization": "x", "Proxy-Authenticate": "y", "Proxy-Authentication-Info": "z",
        ]
        #expect(forwarded(fields) == ["Proxy-Authenticate": "y", "Proxy-Authentication-Info": "z"])
        #expect(forwarded(fields, .response) == ["Proxy-Authorization": "x"])
    }

    @Test func connectionCannotHideEndToEndFields() {
        let named = "Host, Content-Length, transfer-encoding, Cookie, AUTHORIZATION, X-Forwarded-For, x-hop"
        let fields: HeaderFields = [
            "Host": "a", "Connection": named, "Content-Length": "5", "Cookie": "c", "Authorization": "d",
            "X-Forwarded-For": "e", "X-Hop": "f",
        ]
        #expect(
            forwarded(fields) == [
                "Host": "a", "Content-Length": "5", "Cookie": "c", "Authorization": "d", "X-Forwarded-For": "e",
            ]
        )
    }

    @Test func trailersStayAnnounced() {
        #expect(forwarded(["TE": "trailers"]) == ["TE": "trailers", "Connection": "TE"])
        #expect(forwarded(["connection": "te", "te": "Trailers"]) == ["connection": "te", "te": "Trailers"])
        #expect(
            forwarded(["Connection": "TE, close", "TE": "gzip;q=0.5, trailers", "A": "b"])
                == ["Connection": "TE", "TE": "trailers", "A": "b"]
        )
        #expect(forwarded(["TE": "trailers"], .response) == [:])
    }

    @Test func upgradeStaysWhereItIsRelayed() {
        let fields: HeaderFields = ["Connection": "keep-alive, Upgrade", "Upgrade": "websocket", "A": "b"]
        #expect(forwarded(fields) == ["A": "b"])
        #expect(
            forwarded(fields, keepingUpgrade: true) == ["Connection": "Upgrade", "Upgrade": "websocket", "A": "b"]
        )
        let right: HeaderFields = ["connection": "upgrade", "upgrade": "websocket"]
        #expect(forwarded(right, .response, keepingUpgrade: true) == right)
        #expect(forwarded(["Connection": "close"], keepingUpgrade: true) == [:])
    }
}
