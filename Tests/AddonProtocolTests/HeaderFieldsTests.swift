import Testing

@testable import AddonProtocol

@Suite struct HeaderFieldsTests {
    private let list: HeaderFields = ["a": "1", "b": "2", "c": "3"]

    @Test func countsWhatIsTheSameAtBothEnds() {
        #expect(list.countSameAtStart(as: list) == 3 && list.countSameAtEnd(as: list, limit: 2) == 2)
        #expect(list.countSameAtStart(as: ["a": "1", "x": "2", "c": "3"]) == 1)
        #expect(list.countSameAtEnd(as: ["a": "1", "b": "x", "c": "3"], limit: 9) == 1)
        #expect(list.countSameAtEnd(as: ["b": "2", "c": "3"], limit: 9) == 2)
        #expect(list.countSameAtStart(as: [:]) == 0 && HeaderFields().countSameAtEnd(as: list, limit: 9) == 0)
    }

    @Test func equalIsTheSameInNamesValuesAndOrder() {
        #expect(HeaderFields() == [:] && list == ["a": "1", "b": "2", "c": "3"])
        #expect(list != ["a": "1", "b": "2"] && list != ["A": "1", "b": "2", "c": "3"])
        #expect(list != ["b": "2", "a": "1", "c": "3"] && (["ab": "c"] as HeaderFields) != ["a": "bc"])
        var removed = list
        removed.remove("b")
        #expect(removed == ["a": "1", "c": "3"])
    }

    @Test func theLastValueGrows() {
        var fields = list
        fields.extendLast("4".utf8)
        #expect(fields == ["a": "1", "b": "2", "c": "34"])
        fields.remove("c")
        fields.extendLast("5".utf8)
        fields.append("d", "6")
        #expect(fields == ["a": "1", "b": "25", "d": "6"])
        var none = HeaderFields()
        none.extendLast("x".utf8)
        #expect(none.isEmpty)
    }

    @Test func findsNamesInAnyCaseAndNoOthers() {
        let fields: HeaderFields = ["HOST": "a", "x-a": "1", "Via": "b", "X-A": "2"]
        #expect(fields.contains("host") && fields.first("host").map(text) == "a")
        #expect(fields.values("x-a").map(text) == ["1", "2"] && fields.firstIndex(of: "x-a", from: 2) == 3)
        #expect(!fields.contains("hose") && !fields.contains("x-b") && !fields.contains("age"))
        #expect(fields.first("te") == nil && fields.values("te").isEmpty && HeaderFields().firstIndex(of: "te") == nil)
    }

    @Test func aNameOfTheSameLengthAndLetterIsNotTaken() {
        let fields: HeaderFields = ["Accept": "1"]
        #expect(!fields.contains("action") && fields.contains("accept"))
        var changed = fields
        changed.set("Action", "2")
        #expect(changed == ["Accept": "1", "Action": "2"])
    }

    @Test func findsWhatCameInByEveryWay() {
        var fields = HeaderFields()
        fields.append(name: "one".utf8, value: "1".utf8)
        let raw = Array("two".utf8)
        raw.withUnsafeBytes { fields.append(name: $0, value: $0) }
        fields.insert("three", "3")
        fields.set("four", "4")
        fields.append(name: [], value: "5".utf8)
        #expect(fields.contains("one") && fields.contains("two") && fields.contains("three") && fields.contains("four"))
        #expect(HeaderFields(reading: [["five", "5"]]).contains("five"))
        fields.set(name: [UInt8](), values: ["6".utf8])
        #expect(fields == ["three": "3", "one": "1", "two": "two", "four": "4", "": "6"])
    }

    @Test func setPutsValuesInThePlaceOfTheFirst() {
        var fields: HeaderFields = ["a": "1", "X-B": "2", "c": "3", "x-b": "4", "d": "5"]
        fields.set("x-b", "a longer value")
        #expect(fields == ["a": "1", "X-B": "a longer value", "c": "3", "d": "5"])
        fields.set(name: "X-b".utf8, values: ["6".utf8, "7".utf8])
        #expect(fields == ["a": "1", "X-B": "6", "X-B": "7", "c": "3", "d": "5"])
        fields.set("D", "")
        fields.set("e", "8")
        #expect(fields == ["a": "1", "X-B": "6", "X-B": "7", "c": "3", "d": "", "e": "8"])
        fields.set(name: "x-b".utf8, values: [[UInt8]]())
        fields.set(name: "none".utf8, values: [[UInt8]]())
        #expect(fields == ["a": "1", "c": "3", "d": "", "e": "8"])
    }

    @Test func aCopyDoesNotChangeWithItsOriginal() {
        var fields = list
        fields.set("b", "other")
        fields.remove("a")
        #expect(list == ["a": "1", "b": "2", "c": "3"] && fields == ["b": "other", "c": "3"])
    }

    @Test func anyNumberOfChangesTakesNoMoreMemory() {
        var fields = list
        for number in 0..<10_000 { fields.set("b", "\(number)") }
        #expect(fields == ["a": "1", "b": "9999", "c": "3"] && fields.bytes.count < 4096)
        #expect(fields.contains("c") && !fields.contains("d"))
    }

    @Test func removesSeveralAtOnce() {
        var fields: HeaderFields = ["a": "1", "b": "2", "a": "3", "c": "4", "A": "5"]
        fields.removeAll { $1 == 1 || $0.isNamed("a", at: $1) }
        #expect(fields == ["c": "4"])
        fields.removeAll { _, _ in true }
        #expect(fields.isEmpty && !fields.contains("c"))
    }

    private func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
