#include "os/bpf.h"

#include "os/bpf_inner.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>

/* ---- records from programs ---- */

struct bpf_ring {
	struct ring_buffer *inner;
	bpf_ring_call *call;
	void *arg;	   /* borrowed */
	size_t left, seen; /* of the consume that runs */
};

static int take_record(void *arg, void *data, size_t len)
{
	struct bpf_ring *ring = arg;
	ring->call(ring->arg, span_of(data, len));
	ring->seen++;
	/* libbpf goes on for as long as there is something; a negative result stops it after this
	 * record. */
	return --ring->left == 0 ? -EAGAIN : 0;
}

enum err bpf_ring_new(const struct bpf_table *table, bpf_ring_call *call, void *arg,
		      struct bpf_ring **ret)
{
	AUTO(bpf_ring_free) struct bpf_ring *ring = calloc(1, sizeof(*ring));
	if (!ring)
		return (enum err)ENOMEM;
	ring->call = call;
	ring->arg = arg;
	ring->inner = ring_buffer__new(table->fd, take_record, ring, NULL);
	if (!ring->inner)
		return err_errno();
	*ret = TAKE(ring);
	return OK;
}

void bpf_ring_free(struct bpf_ring *ring)
{
	if (!ring)
		return;
	ring_buffer__free(ring->inner);
	free(ring);
}

int bpf_ring_fd(const struct bpf_ring *ring)
{
	return ring_buffer__epoll_fd(ring->inner);
}

enum err bpf_ring_consume(struct bpf_ring *ring, size_t records_max, size_t *ret_n)
{
	ASSERT(records_max > 0);
	ring->left = records_max;
	ring->seen = 0;
	int result = ring_buffer__consume(ring->inner);
	*ret_n = ring->seen;
	return result < 0 && result != -EAGAIN ? bpf_err(result) : OK;
}

/* ---- once, by hand ---- */

enum err bpf_program_run(int program_fd, struct bpf_run *run)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = run->in.data,
		    .data_size_in = (uint32_t)run->in.len, .data_out = run->out,
		    .data_size_out = run->out ? (uint32_t)run->out_len : 0,
		    .ctx_in = run->context_in_len ? run->context_in : NULL,
		    .ctx_size_in = (uint32_t)run->context_in_len, .ctx_out = run->context_out,
		    .ctx_size_out = run->context_out ? (uint32_t)run->context_out_len : 0,
		    .repeat = (int)run->repeat);
	enum err e = bpf_err(bpf_prog_test_run_opts(program_fd, &o));
	if (e && e != (enum err)ENOSPC)
		return e;
	run->out_len = run->out ? o.data_size_out : 0;
	run->context_out_len = run->context_out ? o.ctx_size_out : 0;
	run->ret = o.retval;
	run->duration_ns = o.duration;
	return e;
}

enum err bpf_program_id(int program_fd, uint32_t *ret)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	TRY(bpf_err(bpf_obj_get_info_by_fd(program_fd, &info, &len)));
	*ret = info.id;
	return OK;
}
