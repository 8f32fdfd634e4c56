import COpenSSL
import Testing

@testable import ProxyTLS

@Suite struct TLSAlertTests {
    @Test(arguments: [
        (0, "close_notify"), (46, "certificate_unknown"), (116, "certificate_required"),
        (120, "no_application_protocol"),
    ])
    func namesOfTheStandard(number: UInt8, name: String) {
        #expect(TLSAlert(number: number).description == "alert \(number) (\(name))")
    }

    @Test func anUnknownNumberHasNoName() {
        #expect(TLSAlert(number: 200).description == "alert 200")
    }

    /// Every alert for which OpenSSL has a text has a name, except those added after RFC 8446.
    @Test func noneIsMissing() {
        let known = (UInt8.min...UInt8.max).filter {
            String(cString: SSL_alert_desc_string_long(Int32($0))) != "unknown"
        }
        #expect(known.filter { TLSAlert(number: $0).name == nil } == [])
    }
}
