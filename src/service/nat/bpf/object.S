/* Embeds the file OBJECT as the bytes that object.h declares. */
	.section .rodata
	.balign 8
	.globl nat_bpf_object
	.globl nat_bpf_object_end
nat_bpf_object:
	.incbin OBJECT
nat_bpf_object_end:
	.byte 0
	.section .note.GNU-stack, "", %progbits
