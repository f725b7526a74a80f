#include "proto/dhcp6/code.h"

static const char *const type_names[] = {
	[DHCP6_SOLICIT] = "solicit",
	[DHCP6_ADVERTISE] = "advertise",
	[DHCP6_REQUEST] = "request",
	[DHCP6_CONFIRM] = "confirm",
	[DHCP6_RENEW] = "renew",
	[DHCP6_REBIND] = "rebind",
	[DHCP6_REPLY] = "reply",
	[DHCP6_RELEASE] = "release",
	[DHCP6_DECLINE] = "decline",
	[DHCP6_RECONFIGURE] = "reconfigure",
	[DHCP6_INFORMATION_REQUEST] = "information-request",
	[DHCP6_RELAY_FORW] = "relay-forw",
	[DHCP6_RELAY_REPL] = "relay-repl",
};

static const char *const status_names[] = {
	[DHCP6_SUCCESS] = "success",
	[DHCP6_UNSPEC_FAIL] = "unspec-fail",
	[DHCP6_NO_ADDRS_AVAIL] = "no-addrs-avail",
	[DHCP6_NO_BINDING] = "no-binding",
	[DHCP6_NOT_ON_LINK] = "not-on-link",
	[DHCP6_USE_MULTICAST] = "use-multicast",
	[DHCP6_NO_PREFIX_AVAIL] = "no-prefix-avail",
};

const char *dhcp6_type_name(uint8_t type)
{
	return type < sizeof(type_names) / sizeof(type_names[0]) ? type_names[type] : NULL;
}

const char *dhcp6_status_name(uint16_t status)
{
	return status < sizeof(status_names) / sizeof(status_names[0]) ? status_names[status]
								       : NULL;
}
