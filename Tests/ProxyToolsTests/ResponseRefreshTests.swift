import AddonProtocol
import Testing

@testable import ProxyTools

struct ResponseRefreshTests {
    private func refreshed(_ fields: HeaderFields) -> [String] {
        let fields = ResponseRefresh.apply(to: fields, by: 86_400)
        return (0..<fields.count).map { index in
            "\(String(decoding: fields.name(at: index), as: UTF8.self)): \(String(decoding: fields.value(at: index), as: UTF8.self))"
        }
    }

    @Test func `dates move, and what is none stays`() {
        #expect(
            refreshed([
                "Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Expires": "0",
                "Last-Modified": "Sunday, 06-Nov-94 08:49:37 GMT",
                "X-Date": "Sun, 06 Nov 1994 08:49:37 GMT",
            ]) == [
                "Date: Mon, 07 Nov 1994 08:49:37 GMT", "Expires: 0", "Last-Modified: Mon, 07 Nov 1994 08:49:37 GMT",
                "X-Date: Sun, 06 Nov 1994 08:49:37 GMT",
            ]
        )
    }

    @Test func `cookies expire later, and keep all else`() {
        #expect(
            refreshed([
                "Set-Cookie": "a=expires=1; Path=/; expires=Sun, 06-Nov-1994 08:49:37 GMT; Secure", "set-cookie": "b",
                "Set-cookie": "c=1; Expires=soon; HttpOnly",
            ]) == [
                "Set-Cookie: a=expires=1; Path=/; expires=Mon, 07 Nov 1994 08:49:37 GMT; Secure", "set-cookie: b",
                "Set-cookie: c=1; HttpOnly",
            ]
        )
    }
}
