import Testing

@testable import AddonSDK
