import AddonProtocol
import Testing

@Suite struct OptionTypeTests {
    private static let declarable = ["bool", "int", "int?", "float", "str", "str?", "str[]", "int[]"]

    @Test func addonsMayDeclareSomeOfThem() {
        #expect(OptionType.allCases.filter(\.isDeclarable).map(\.rawValue) == Self.declarable)
    }

    @Test(arguments: OptionType.allCases)
    func anEmptyValueIsAValue(of type: OptionType) {
        #expect(type.allows(type.emptyValue))
        #expect(type.allows(.null) == type.rawValue.hasSuffix("?"))
    }

    @Test(
        arguments: [
            (.bool, 1), (.int, "1"), (.float, "1"), (.string, 1), (.optionalInt, "1"), (.optionalString, 1),
            (.stringList, ["a", 1]), (.intList, [1, "a"]), (.stringList, "a"), (.size, true), (.addons, []),
        ] as [(OptionType, JSONValue)]
    )
    func aValueOfAnotherTypeIsNotAllowed(type: OptionType, value: JSONValue) {
        #expect(!type.allows(value))
    }

    @Test func whatMayBeNullSaysSoAfterTheDetail() {
        #expect(OptionType.int.text(" from 1 to 5") == "a whole number from 1 to 5")
        #expect(OptionType.optionalInt.text(" from 1 to 5") == "a whole number from 1 to 5, or nothing")
        for type in OptionType.allCases { #expect(type.text().hasSuffix("nothing") == type.allows(.null)) }
    }

    @Test(arguments: ["\"size\"", "\"addons\"", "\"int[ ]\"", "7", "null"])
    func aDeclarationOfAnotherTypeNamesThoseThatThereAre(type: String) throws {
        let params = try JSONReader.read(Array(#"{"name":"x","options":[{"name":"a","type":\#(type)}]}"#.utf8))
        #expect {
            try Registration(params: params)
        } throws: { error in
            let allowed = Self.declarable.map { "\"\($0)\"" }.joined(separator: " or ")
            return (error as? ProtocolError)?.message.hasSuffix("; allowed: \(allowed)") ?? false
        }
    }
}
