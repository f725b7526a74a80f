/* A changed zone packed anew: when its region is full, or when the place of names in it changed. */
#include "proto/dns/code.h"
#include "service/authority/zone_build.h"
#include "service/authority/zone_edit.h"

#include "base/reader.h"

static enum err rrset_add(struct zone_build *b, const struct zone_node *n,
			  const struct zone_rrset *s)
{
	struct reader r = reader_of(zone_rrset_data(s), s->size);
	struct dns_name owner = {.len = n->name_len};

	memcpy(owner.wire, n->name, n->name_len);
	for (unsigned i = 0; i < s->count; i++)
		TRY(zone_build_add(b, &(struct zone_build_record){
					      .owner = &owner,
					      .type = zone_rrset_type(s),
					      .class = DNS_CLASS_IN,
					      .ttl_s = zone_rrset_ttl(s),
					      .rdata = read_span(&r, read_u16(&r)),
				      }));
	return OK;
}

enum err zone_edit_rebuild(const struct zone_edit *e, struct zone **ret)
{
	struct zone_judge judge = {.lenient = true};
	AUTO(zone_build_free) struct zone_build *b = NULL;
	AUTO(zone_unref) struct zone *z = NULL;
	const struct zone *view = zone_edit_view(e);

	TRY(zone_build_new(&view->origin, view->key, &judge, &b));
	for (const struct zone_node *n = zone_next(view, NULL); n; n = zone_next(view, n)) {
		const struct zone_rrset *s = zone_node_rrsets(n);
		for (unsigned i = n->rrsets; i > 0; i--, s = zone_rrset_next(s))
			TRY(rrset_add(b, n, s));
	}
	TRY(zone_build_finish(b, &z));
	TRY(zone_home_copy(z->home, view->home));
	*ret = TAKE(z);
	return OK;
}
