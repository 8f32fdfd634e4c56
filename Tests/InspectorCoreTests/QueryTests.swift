import Testing

@testable import InspectorCore

struct QueryTests {
    @Test(arguments: [
        ("a=b", "b"), ("x=1&a=b+c", "b c"), ("a=%2B%26%3d", "+&="), ("a=%C3%A4", "ä"), ("a=%zz%", "%zz%"),
        ("a=%ff", "\u{fffd}"),
        ("a", ""), ("a=b=c", "b=c"), ("a=1&a=2", "1"), ("%61=x", "x"), ("a=%00", "\0"),
    ]) func `parameters are read as forms write them`(_ text: String, _ value: String) {
        #expect(Query(text)["a"] == value)
    }

    @Test func `what is not there is nil`() {
        #expect(Query("")["a"] == nil && Query("&&=&b=a")["a"] == nil)
    }

    @Test(arguments: ["n=-1", "n=x", "n=", "n=1.5", "n=99999999999999999999"])
    func `what is no number is refused`(_ text: String) {
        #expect(throws: Failure.self) { try Query(text).number("n") }
    }

    @Test func `numbers are read`() throws {
        #expect(try Query("n=7").number("n") == 7)
        #expect(try Query("").number("n") == nil)
    }
}
