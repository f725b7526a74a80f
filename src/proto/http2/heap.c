#include "proto/http2/heap.h"

#include <assert.h>
#include <string.h>

/* Ahead of each piece. */
struct tag {
	size_t size; /* of the piece, without the tag */
	uint32_t slab;
};

enum { TAG = 16 };
static_assert(sizeof(struct tag) <= TAG, "pieces are aligned to 16");

/* Bytes of a piece: close together where requests live, one for nghttp2's frame buffer of 16 KiB
 * and a little, and few above. */
static const size_t sizes[HTTP2_HEAP_SIZES] = {
	32,   64,   96,	       144,	  208,
	272,  400,  528,       1024,	  2048,
	4096, 8192, 17 * 1024, 34 * 1024, HTTP2_HEAP_MAX,
};

void http2_heap_init(struct http2_heap *h, size_t bytes_max)
{
	for (size_t i = 0; i < HTTP2_HEAP_SIZES; i++)
		slab_init(&h->slabs[i], sizes[i] + TAG, bytes_max / (sizes[i] + TAG) + 1);
}

void http2_heap_done(struct http2_heap *h)
{
	for (size_t i = 0; i < HTTP2_HEAP_SIZES; i++)
		slab_done(&h->slabs[i]);
}

static struct tag *tag_of(void *piece)
{
	return (struct tag *)(void *)((uint8_t *)piece - TAG);
}

void *http2_heap_take(struct http2_account *a, size_t size)
{
	uint32_t i = 0;
	while (i < HTTP2_HEAP_SIZES && sizes[i] < size)
		i++;
	if (i == HTTP2_HEAP_SIZES || a->max - a->used < sizes[i] + TAG) {
		a->refused++;
		return NULL;
	}
	uint8_t *record = slab_take(&a->heap->slabs[i]);
	if (!record) {
		a->refused++;
		return NULL;
	}
	a->used += sizes[i] + TAG;
	*(struct tag *)(void *)record = (struct tag){.size = sizes[i], .slab = i};
	return record + TAG;
}

void http2_heap_give(struct http2_account *a, void *piece)
{
	if (!piece)
		return;
	struct tag *tag = tag_of(piece);
	ASSERT(tag->slab < HTTP2_HEAP_SIZES && a->used >= tag->size + TAG);
	a->used -= tag->size + TAG;
	slab_give(&a->heap->slabs[tag->slab], tag);
}

void *http2_heap_resize(struct http2_account *a, void *piece, size_t size)
{
	if (!piece)
		return http2_heap_take(a, size);
	size_t had = tag_of(piece)->size;
	if (size <= had && size > had / 4)
		return piece;
	void *other = http2_heap_take(a, size);
	if (!other)
		return NULL;
	memcpy(other, piece, had < size ? had : size);
	http2_heap_give(a, piece);
	return other;
}
