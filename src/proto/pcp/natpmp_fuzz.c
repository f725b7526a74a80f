#include "proto/pcp/natpmp.h"

#include "base/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t room[NATPMP_ANSWER_MAX];
	struct natpmp_request q, back;
	enum natpmp_result result, of_answer;
	if (!natpmp_request_read(span_of(data, size), &q, &result))
		return 0;
	struct writer w = writer_of(room, sizeof(room));
	natpmp_write_answer(&w, &q, result, 7);
	ASSERT(!w.bad);
	bool mapping = q.version == 0 && (q.opcode == NATPMP_MAP_UDP || q.opcode == NATPMP_MAP_TCP);
	ASSERT(w.pos == (mapping ? 16 : 8));
	ASSERT(!natpmp_request_read(writer_span(&w), &back, &of_answer));
	return 0;
}
