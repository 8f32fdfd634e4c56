import AddonProtocol
import Testing

@testable import InspectorCore

struct FlowSelectionTests {
    @Test(arguments: [
        ("one two", "\"one\"* \"two\"*"), ("a-b.c", "\"a b c\"*"), ("\"quoted\"", "\"quoted\"*"),
        ("a AND b", "\"a\"* \"AND\"* \"b\"*"),
        ("\0x", "\"x\"*"), ("^`*", "\"\""),
    ]) func `words are no syntax`(_ search: String, _ query: String) throws {
        #expect(try FlowSelection(filter: nil, search: search).words == query)
    }

    @Test func `nothing selects everything`() throws {
        #expect(try FlowSelection(filter: " \n", search: "  ").isEverything)
        #expect(try FlowSelection(filter: nil, search: nil).isEverything)
        #expect(try !FlowSelection(filter: "~all", search: nil).isEverything)
    }

    @Test(arguments: [("~u ä😀 & (", 10), ("~zz", 0)])
    func `a filter error has its place as JavaScript counts`(_ filter: String, _ least: Int) throws {
        let error = #expect(throws: ProtocolError.self) { try FlowSelection(filter: filter, search: nil) }
        let offset = try #require(error?.data?["offset"]?.intValue)
        #expect(offset >= least && offset <= filter.utf16.count)
    }
}
