public import AddonProtocol
