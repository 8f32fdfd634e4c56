import Testing

@testable import AddonProtocol
