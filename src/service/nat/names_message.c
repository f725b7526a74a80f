/* The question for a name's addresses, and the answer. */
#include "proto/dns/addresses.h"
#include "proto/dns/type.h"
#include "service/nat/names.h"

#include <assert.h>

static_assert((int)NAT_NAME_ADDRESSES_MAX == (int)DNS_ADDRESSES_MAX, "all that an answer has");
static_assert((int)NAT_NAME_QUERY_MAX == (int)DNS_ADDRESSES_QUERY_MAX, "one room");

static uint16_t type_of(enum nat_name_family family)
{
	return family == NAT_NAME_V4 ? DNS_TYPE_A : DNS_TYPE_AAAA;
}

struct span nat_names_query(const struct nat_name *name, enum nat_name_family family, uint16_t id,
			    void *room)
{
	return dns_addresses_query(&name->name, type_of(family), id, room);
}

enum err nat_names_read(struct span message, const struct nat_name *name,
			enum nat_name_family family, uint16_t id, struct nat_name_answer *ret)
{
	struct dns_addresses found;
	TRY(dns_addresses_read(message, &name->name, type_of(family), id, &found));
	for (size_t i = 0; i < found.n; i++)
		ret->addresses[i] = found.items[i];
	ret->n = found.n;
	ret->ttl_s = found.ttl_s;
	return OK;
}
