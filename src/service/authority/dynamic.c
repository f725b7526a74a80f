#include "service/authority/dynamic.h"

#include <stdlib.h>

#define SPARE_LARGE ((size_t)64 << 20) /* for an update that did not fit into a fresh zone */
#define TRIES	    3

enum err dynamic_init(struct dynamic *d, struct zone *built, const struct journal_head *head)
{
	struct zone_edit *edit = NULL;

	TRY(zone_edit_new(built, 0, &edit));
	*d = (struct dynamic){.head = *head, .zone = built, .edit = edit};
	return OK;
}

void dynamic_done(struct dynamic *d)
{
	zone_edit_free(d->next_edit);
	zone_unref(d->next);
	zone_edit_free(d->edit);
	zone_unref(d->zone);
	journal_batch_done(&d->batch);
	*d = (struct dynamic){0};
}

static struct zone_edit *active(const struct dynamic *d)
{
	return d->next_edit ? d->next_edit : d->edit;
}

static enum err rebuild(struct dynamic *d, size_t spare)
{
	AUTO(zone_unref) struct zone *z = NULL;
	struct zone_edit *edit = NULL;

	TRY(zone_edit_rebuild(active(d), &z));
	TRY(zone_edit_new(z, spare, &edit));
	zone_edit_free(d->next_edit);
	zone_unref(d->next);
	d->next = TAKE(z);
	d->next_edit = edit;
	d->rebuilds++;
	return OK;
}

static void refuse(struct update_result *r, enum update_outcome outcome, enum dns_rcode rcode)
{
	r->outcome = outcome;
	r->rcode = rcode;
	r->added = r->removed = 0;
}

/* The changes are in the view; the entry is still open. */
static enum err finish(struct dynamic *d, struct update_result *ret)
{
	enum err e = OK;

	/* Before the entry is ended: a zone that cannot be built refuses the update. */
	if (zone_edit_is_out_of_shape(active(d)))
		e = rebuild(d, 0);
	if (e == ERR_CONFIG) {
		refuse(ret, UPDATE_CONTRARY, DNS_RCODE_REFUSED);
		journal_cancel(&d->batch);
		zone_edit_undo_to_mark(active(d));
		return OK;
	}
	if (!e)
		e = journal_end(&d->batch, &d->head, ret->serial);
	else
		journal_cancel(&d->batch);
	if (!e)
		d->pending++;
	return e;
}

void dynamic_update(struct dynamic *d, const struct update_request *req,
		    struct update_scratch *scratch, struct update_result *ret)
{
	enum err e = OK;

	if (zone_edit_is_full(active(d)))
		e = rebuild(d, 0);
	for (unsigned i = 0; !e && i < TRIES; i++) {
		e = update_apply(active(d), req, scratch, &d->batch, ret);
		if (e != (enum err)ENOSPC)
			break;
		e = rebuild(d, i ? SPARE_LARGE : 0);
	}
	if (!e && ret->outcome == UPDATE_CHANGED) {
		e = finish(d, ret);
		if (e && !d->next)
			zone_edit_undo_to_mark(d->edit);
		/* With a zone rebuilt from a view that is not to be, only the last commit is sure:
		 * prepare will fail. */
		if (e && d->next)
			d->batch.failed = true;
	}
	if (e)
		refuse(ret, UPDATE_FAILED, DNS_RCODE_SERVFAIL);
}

enum err dynamic_prepare(struct dynamic *d)
{
	if (d->batch.failed)
		return ENOMEM;
	return zone_edit_is_full(active(d)) ? rebuild(d, 0) : OK;
}

bool dynamic_commit(struct dynamic *d)
{
	bool replaced = d->next != NULL;
	enum err e = zone_edit_publish(active(d));

	ASSERT(!e); /* dynamic_prepare saw to it */
	if (replaced) {
		zone_succeed(d->zone, d->next);
		zone_edit_free(d->edit);
		zone_unref(d->zone);
		d->zone = TAKE(d->next);
		d->edit = TAKE(d->next_edit);
	}
	d->pending = 0;
	journal_batch_clear(&d->batch);
	return replaced;
}

void dynamic_abort(struct dynamic *d)
{
	zone_edit_free(TAKE(d->next_edit));
	zone_unref(TAKE(d->next));
	zone_edit_undo_all(d->edit);
	d->pending = 0;
	journal_batch_clear(&d->batch);
}

enum err dynamic_replace(struct dynamic *d, struct zone *built, const struct journal_head *head)
{
	struct zone_edit *edit = NULL;

	ASSERT(!dynamic_waits(d));
	TRY(zone_edit_new(built, 0, &edit));
	zone_succeed(d->zone, built);
	zone_edit_free(d->edit);
	zone_unref(d->zone);
	d->zone = built;
	d->edit = edit;
	d->head = *head;
	return OK;
}
