#include "os/tun_link.h"

#include "os/netlink.h"

enum err tun_link_up(const char *name, uint32_t mtu)
{
	TRY(link_set_mtu(name, mtu));
	return link_up(name);
}

enum err tun_link_address_add(const char *name, const struct ip_address *a, uint8_t bits)
{
	enum err e = address_add(name, a, bits);
	return e == (enum err)EEXIST ? OK : e;
}

enum err tun_link_address_remove(const char *name, const struct ip_address *a, uint8_t bits)
{
	return address_delete(name, a, bits);
}

enum err tun_link_route_add(const char *name, const struct ip_prefix *to)
{
	return route_add(&to->address, to->bits, NULL, name);
}

enum err tun_link_route_remove(const char *name, const struct ip_prefix *to)
{
	return route_delete(&to->address, to->bits, NULL, name);
}
