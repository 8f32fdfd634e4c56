import AddonProtocol
import Testing

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
}
