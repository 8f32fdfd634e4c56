import Testing

@testable import ProxyTools

struct HTTPDateTests {
    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 09:49:37 +0100", "06 nov 1994 08:49:37", "Sun, 06-Nov-1994 08:49:37 UTC",
    ]) func `every form is read`(_ text: String) {
        #expect(HTTPDate.seconds(text) == 784_111_777)
    }

    @Test(arguments: [
        "", "0", "-1", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 28:49:37 GMT",
        "Sun, 66 Nov 1994 08:49:37 GMT",
    ]) func `what is none is not`(_ text: String) {
        #expect(HTTPDate.seconds(text) == nil)
    }

    @Test(arguments: [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
    ]) func `dates are written as they are to be`(_ seconds: Int, _ text: String) {
        #expect(HTTPDate.text(seconds) == text)
        #expect(HTTPDate.seconds(text) == seconds)
    }

    @Test func `there is none outside of the calendar`() {
        #expect(HTTPDate.text(1 << 45) == nil)
        #expect(HTTPDate.text(-(1 << 45)) == nil)
    }
}
