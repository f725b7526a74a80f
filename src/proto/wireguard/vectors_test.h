/* Made by tools/wireguard_vectors.py from the paper, without our code: two handshakes (the second
 * with a preshared key) and what belongs to them, as hexadecimal text. Knows no test. */
#ifndef PROTO_WIREGUARD_VECTORS_TEST_H
#define PROTO_WIREGUARD_VECTORS_TEST_H

enum { VECTOR_SENDER_I = 0x01020304 };
#define VECTOR_SENDER_R 0xffeeddccu
#define VECTOR_COUNTER	UINT64_C(0x0123456789ab)

static const struct wg_vector {
	const char *static_i;
	const char *static_r;
	const char *public_i;
	const char *public_r;
	const char *ephemeral_i;
	const char *ephemeral_r;
	const char *preshared;
	const char *timestamp;
	const char *initiation;
	const char *secret;
	const char *source;
	const char *nonce;
	const char *cookie_reply;
	const char *initiation_again;
	const char *response;
	const char *key_i;
	const char *key_r;
	const char *keepalive;
	const char *packet;
	const char *transport;
} wg_vectors[] = {
	{
		.static_i = "209a2141a85771a8764131be3bc3f56b355082798760cf7b9869d762e44b9453",
		.static_r = "f85eedf514f4a2e0d4b52e20a36f1fff6ddbd202f2ef32b4421dfe793f225069",
		.public_i = "739f003873cacf1a0acb92f41d37461072937e52ffe13592a9d5f27d8a382e2b",
		.public_r = "7c3cc82f5bdd6dd3c697619120ff475e6684ea7f986e83b7a10388c875b1836c",
		.ephemeral_i = "086b7cd9667e7905c15aafbe2d6b6b4abfa4c7aa945b05d20243400b1eca2366",
		.ephemeral_r = "70d12d2e2d2739733ad9f1edf68fe4416338cf66bb0467138d7760f9e0f8c871",
		.preshared = "0000000000000000000000000000000000000000000000000000000000000000",
		.timestamp = "400000006747e2fc3b000000",
		.initiation = "0100000004030201b09778b4643e2dd1be73cf20daec176bc8098824b726117a"
			      "ad3f57223cd66a7cfc8f57eab5ebd15bc77b869e443adf7ea9ac91f11a51c246"
			      "cac5104d20adb50d493d71a41e0f906320d1b0dfc39389424c06b4b9afdbc25f"
			      "9caf5fcd68145fc4ca5580635b57340eaad5cc02636fe94de8f88abb7afbca11"
			      "3511739700000000000000000000000000000000",
		.secret = "29ac681de12da174477f50fe67f4bd21c25a045de6c0c643c014934405e7e9b5",
		.source = "c6336407ca6c",
		.nonce = "975eea8a48c6ad515b85496bd9d491b9ce6f6d94c46ebe50",
		.cookie_reply = "0300000004030201975eea8a48c6ad515b85496bd9d491b9ce6f6d94c46ebe50"
				"cf01c6318d6baf3e05a84a118208ca9560c67d7ba5453360480ff3dd29d7b8d3",
		.initiation_again =
			"0100000004030201b09778b4643e2dd1be73cf20daec176bc8098824b726117a"
			"ad3f57223cd66a7cfc8f57eab5ebd15bc77b869e443adf7ea9ac91f11a51c246"
			"cac5104d20adb50d493d71a41e0f906320d1b0dfc39389424c06b4b9afdbc25f"
			"9caf5fcd68145fc4ca5580635b57340eaad5cc02636fe94de8f88abb7afbca11"
			"35117397422406922fec92d633a49b3dc7d98bea",
		.response = "02000000ccddeeff0403020121eb12e601df2e44818fc55830cac8ac693f18d0"
			    "d77de13a4a10e99befbf6f6d5858e1586cb9be2c930e6a0738be6fc8aeec3bef"
			    "c5c129368f498d7f5da19c5300000000000000000000000000000000",
		.key_i = "4a96bb1c34703361fc3ebeb1d461f2d94288d9ed235b17fca9c9493b25db8ee9",
		.key_r = "54e708a95a5b874fb41de41beab3b2f96a450f64751c217db32c31e530463bab",
		.keepalive = "04000000ccddeeff0000000000000000afd7ef4b634d4b8202861d8bde1a9914",
		.packet = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		.transport = "0400000004030201ab896745230100007f0e6e4d226ca276b19ea276d80ae7e1"
			     "397783bc604c8eb29977b45530c25137d2f05dd809836c9686cd98549898c8a1",
	},
	{
		.static_i = "00f8bf9d733a3c998b7d909c8f4ed46dae1bfcbf7f1e488de0fde40ae027ba51",
		.static_r = "a0cc65996ed9c94601176ac0d5741db2c89dea869b5454152c1a040745ce7d5c",
		.public_i = "57b96bd0da5baf12d94eea37302fc9737f3b73e1ffc7b9be6e53be0b2227f34d",
		.public_r = "097e1cb769b6fd66f18a5061492b48073a178f5b7843afe4a4c4549a7c1fa17c",
		.ephemeral_i = "d8b464f1099e4d6ee7786fc10b18a5ef8b2e8fda5a5f66b5763e790570ed1751",
		.ephemeral_r = "d0783cd7d3ccaaa177535cb05c2f794746816d1177afdf177af3b4dd6346c04b",
		.preshared = "e5910a063b86d3a09a19f60b7f075b20faefba0bf6b4ac1d75acab22e6470b4d",
		.timestamp = "400000006747e2fc3b000000",
		.initiation = "01000000040302014fdd72bcb7ee08a92c0d1b7628655feb30db3f0987beddb2"
			      "a804080e2b4d3c07c9e0e8a1fac9e6fdc429fb3fa95858e642affdac7445de04"
			      "24d1987a6c9d96b64ea2aa683b9d61ae2915c630ae9598426afc7b8bbdafd435"
			      "4c85a32847a8427a5dad33277bb1994ec46965daa048c7a7c4cd62cb1173d11e"
			      "a200077b00000000000000000000000000000000",
		.secret = "29ac681de12da174477f50fe67f4bd21c25a045de6c0c643c014934405e7e9b5",
		.source = "c6336407ca6c",
		.nonce = "975eea8a48c6ad515b85496bd9d491b9ce6f6d94c46ebe50",
		.cookie_reply = "0300000004030201975eea8a48c6ad515b85496bd9d491b9ce6f6d94c46ebe50"
				"5263391f016810fd3b02b7d07f090589fb90efdc6f3d95a67002d89c7ce767fd",
		.initiation_again =
			"01000000040302014fdd72bcb7ee08a92c0d1b7628655feb30db3f0987beddb2"
			"a804080e2b4d3c07c9e0e8a1fac9e6fdc429fb3fa95858e642affdac7445de04"
			"24d1987a6c9d96b64ea2aa683b9d61ae2915c630ae9598426afc7b8bbdafd435"
			"4c85a32847a8427a5dad33277bb1994ec46965daa048c7a7c4cd62cb1173d11e"
			"a200077b6f0bb2b006e6c371e44a6acdd9682ceb",
		.response = "02000000ccddeeff04030201023887eb01c09a72d319fd3d1979a1685bb014e4"
			    "5134cd22e2a17bf747d51d021d382067e6ca4c9b4e881764c342be2ca63c758e"
			    "15cd6f1ceaf41c02738246ad00000000000000000000000000000000",
		.key_i = "c9acda5d3be92a979adf9e0478a6754bb4f28cc78d59295b2d9ea0d615f27c78",
		.key_r = "665f57fdf11dfd8f956d627e18615ae073171622e3dd7907103c6e7744265541",
		.keepalive = "04000000ccddeeff00000000000000004ab7f6d363d6756fb76d48286ae2be7d",
		.packet = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		.transport = "0400000004030201ab896745230100004063a8e321478dec62f3e25280d6835e"
			     "cd8f2e139838b5a2a1cf53f3530cf39f177da203243fdae8f1167dbdb8f63300",
	},
};

#endif
