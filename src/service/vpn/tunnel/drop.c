#include "service/vpn/tunnel/plane.h"

const char *vpn_drop_name(enum vpn_drop drop)
{
	static const char *const names[VPN_DROPS] = {
		[VPN_DROP_NONE] = "none",
		[VPN_DROP_TORN] = "torn",
		[VPN_DROP_MAC1] = "mac1",
		[VPN_DROP_FLOOD] = "flood",
		[VPN_DROP_UNDER_LOAD] = "under-load",
		[VPN_DROP_RATE] = "rate",
		[VPN_DROP_QUEUE] = "queue",
		[VPN_DROP_HANDSHAKE] = "handshake",
		[VPN_DROP_TIMESTAMP] = "timestamp",
		[VPN_DROP_TOO_SOON] = "too-soon",
		[VPN_DROP_NO_HANDSHAKE] = "no-handshake",
		[VPN_DROP_COOKIE] = "cookie",
		[VPN_DROP_INDEX] = "index",
		[VPN_DROP_OLD_KEY] = "old-key",
		[VPN_DROP_TAG] = "tag",
		[VPN_DROP_REPLAY] = "replay",
		[VPN_DROP_INNER] = "inner",
		[VPN_DROP_SOURCE] = "source",
		[VPN_DROP_ECN] = "ecn",
		[VPN_DROP_NO_ROUTE] = "no-route",
		[VPN_DROP_NO_ENDPOINT] = "no-endpoint",
		[VPN_DROP_STAGED_FULL] = "staged-full",
		[VPN_DROP_STAGED_OLD] = "staged-old",
		[VPN_DROP_SIZE] = "size",
		[VPN_DROP_CRYPTO] = "crypto",
	};
	return drop < VPN_DROPS && names[drop] ? names[drop] : "?";
}
