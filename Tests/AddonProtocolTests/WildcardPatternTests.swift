import AddonProtocol
import Testing

struct WildcardPatternTests {
    @Test(
        arguments: [
            ("abc", "abc", true), ("abc", "abcd", false), ("abc", "ab", false), ("*", "", true), ("*", "abc", true),
            ("a*", "abc", true), ("a*", "ba", false), ("*c", "abc", true), ("*c", "cab", false), ("a*c", "ac", true),
            ("a*c", "abbc", true), ("a*b*c", "a-b-c", true), ("a*b*c", "a-c-b", false), ("aa*aa", "aaa", false),
            ("*b*", "abc", true), ("*b*", "ac", false), ("a**c", "abc", true), ("", "", true), ("", "a", false),
        ] as [(String, String, Bool)]
    )
    func `a star stands for any number of bytes`(pattern: String, text: String, isMatch: Bool) {
        #expect(WildcardPattern(pattern).matches(Array(text.utf8)[...]) == isMatch)
    }

    @Test func `case counts unless it is to be ignored`() {
        let text = Array("Application/GRPC".utf8)[...]
        #expect(!WildcardPattern("application/grpc*").matches(text))
        #expect(WildcardPattern("Application/grpc*", ignoringCase: true).matches(text))
    }
}
