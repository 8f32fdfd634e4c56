import AddonProtocol
import Testing

@testable import ProxyTools

struct CurlTextTests {
    private func request(_ method: String, headers: JSONValue = []) -> JSONValue {
        ["method": .string(method), "url": "http://a.example/x?y=1", "headers": headers]
    }

    @Test func leavesOutWhatCurlWritesItself() {
        let headers: JSONValue = [["Host", "a.example"], ["Content-Length", "2"], ["X-A", "it's"], ["Empty", ""]]
        let command = CurlText.command(request("POST", headers: headers), body: Array("hi".utf8))
        #expect(
            command == #"curl --path-as-is -H 'X-A: it'\''s' -H 'Empty;' --data-binary hi 'http://a.example/x?y=1'"#
        )
    }

    @Test func namesTheMethodWhereItIsAnother() {
        #expect(CurlText.command(request("PUT"), body: [])?.hasPrefix("curl --path-as-is -X PUT ") == true)
        #expect(CurlText.command(request("HEAD"), body: [])?.contains("--head") == true)
        #expect(CurlText.command(request("CONNECT"), body: []) == nil)
    }

    @Test func sendsBytesThatAreNoText() {
        let command = CurlText.command(request("POST"), body: [0, 255])
        #expect(
            command?.hasPrefix("printf %s AP8= | base64 -d | curl") == true
                && command?.contains("--data-binary @-") == true
        )
    }

    @Test func quotesWhatSteersATerminal() {
        #expect(CurlText.quoted("\u{1b}[31m'") == #"$'\x1b[31m\''"#)
        #expect(CurlText.quoted("") == "''")
    }
}
