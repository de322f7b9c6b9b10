"""What the fields of a configuration become in a tiny one, by their names, and what single types need beside."""

from __future__ import annotations

from typing import Any

VOCABULARY, PLACEHOLDER = 200, 190

LEFT = {
    "architectures", "chunk_size_feed_forward", "dtype", "id2label", "label2id", "model_type", "_name_or_path",
    "problem_type", "quantization_config", "return_dict", "tokenizer_class", "torch_dtype", "transformers_version",
}  # fmt: skip
KINDS = ("layer_types", "mlp_layer_types", "layers_block_type", "block_types", "layers_types")

# (what a field is called, what its number becomes: None leaves it); the first that fits holds.
NUMBERS: tuple[tuple[str, int | None], ...] = (
    (r"^(pad_token_id|padding_idx|pad_index|blank_token_id)$", 1),
    (r"^bos_token_id|^decoder_start_token_id|^bos_index|^cls_token_id", 0),
    (r"^(eos_token_id|sep_token_id|eos_index|forced_eos_token_id)$", 2),
    (r"^(unk_index|unk_token_id)$", 3),
    (r"^(mask_index|mask_token_id)$", 4),
    (
        r"(image|video|audio|vision|img|boi|eoi|speech|soi|patch|media|mask|think|start|end|boa|eoa|code|query|latent|frame|placeholder|point|obj|loc|action|time|special).*token_(id|index)$",
        190,
    ),
    (r"token_(id|index)$", 191),
    (r"^(entity_vocab_size)$", 50),
    (r"group_vocab|hash_vocab|ngram_vocab", 200),
    (r"vocab_size_per_layer_input", 200),
    (r"^vocab_size$|^n_words$|^src_vocab_size$|^tgt_vocab_size$|^text_vocab_size$|vocab_size", 200),
    (
        r"max_position_embeddings|^n_positions$|^n_ctx$|^max_seq_len$|^max_sequence_length|^seq_length$|max_source_positions|max_target_positions|max_seq_length|max_len|max_2d",
        512,
    ),
    (r"^type_vocab_size$", 2),
    (r"first_k_dense|num_dense_layers|n_dense|first_dense", 1),
    (r"mtp_layers|nextn|num_kv_shared_layers|num_mtp", 0),
    (r"num_hash_layers", 0),
    (
        r"layer(s)?_(interval|freq|step|period|offset|types|pattern)|full_attention_interval|sliding_window_pattern|attn_layer|expert_layer|interval|cross_attn_every",
        None,
    ),
    (r"layer_idx|layer_index|feature_layer|select_layer|_layer$(?<!n_layer)(?<!num_layer)", None),
    (
        r"(^|_)(num_|n_)?(hidden_|encoder_|decoder_|self_attention_|backbone_|base_)?(layers?|blocks?)$|^n_layer|^num_.*layers$|^depth$|^.*_layers$|_depth$|^num_stages$",
        2,
    ),
    (r"(num_)?(key_value|kv)_heads|n_kv_heads|num_heads_k|num_kv|multi_query_group_num|attention_groups", 2),
    (r"mamba_(n|num)_heads|^mamba_heads", 8),
    (r"mamba_(d_|head_)?(head|dim)|mamba_d_head|mamba_headdim", 8),
    (r"linear_num_(key|value)_heads|linear_.*heads", 4),
    (r"linear_(key|value)_head_dim|linear_.*dim", 8),
    (r"conv_kernel|d_conv|conv_dim_kernel", None),
    (r"index_(n_heads|head_dim)|index_.*head", 8),
    (r"index_topk", 16),
    (r"qk_nope_head_dim|qk_rope_head_dim|v_head_dim|qk_head_dim|kv_channels|rope_head_dim", 8),
    (r"head_dim|head_size|d_kv|attention_head_dim|dim_head|d_head|size_per_head|key_length|value_length", 8),
    (r"n_groups?$|topk_group|num_groups|mamba_n_groups|ngroups|n_group", 1),
    (r"num_buckets|relative_attention", None),
    (r"heads?$|n_head|num_head|attention_heads|^num_attention_heads", 4),
    (r"per_tok|top_?k$|moe_topk|moe_top_k|num_selected|num_experts_per|experts_per|n_activated|moe_k$", 2),
    (r"num_shared_experts|n_shared_experts|shared_expert(s)?$|n_shared", 1),
    (r"(num|n).*experts?$|num_local_experts|moe_num_experts|num_experts|n_expert", 4),
    (
        r"(q|kv|o|k|v|gate|low|rope|dt|time_step|lora|index|up|down).*(lora_rank|_rank)$|lora_(rank|dim)|lora_r$|rank$|lora",
        8,
    ),
    (r"mlp_ratio|ratio", None),
    (r"intermediate|ffn|ff_dim|d_ff|inner|feed_forward|ffw|mlp_dim|mlp_hidden|fc_dim|hidden_dim_ff|shared_expert", 64),
    (r"state_size|d_state|ssm_state|state_dim", 8),
    (r"rotary_dim|rope_dim|rotary_pct", 4),
    (r"lru_width|attention_hidden_size", 32),
    (r"^num_mem_blocks$", 2),
    (r"axial_pos", None),
    (r"num_channels|in_chans|in_channels|channels$", None),
    (r"image_size|img_size|^input_size$", 32),
    (r"patch_size", 8),
    (r"num_mel_bins|n_mels|feature_size|num_feature", None),
    (r"num_labels|num_classes", 2),
    (
        r"projection_dim|proj_dim|proj_size|projection_size|output_dim|out_hidden_size|out_dim|n_output|output_hidden",
        32,
    ),
    (r"hidden_size_per_layer_input|per_layer", 8),
    (
        r"hidden_size|hidden_dim|^d_model$|^n_embd|embed_dim|embedding_size|embedding_dim|^dim$|emb_dim|^width$|d_embed|model_dim|hidden_channels|^hidden$|n_embed|bottleneck|width|embed_size|embd|emb_size",
        32,
    ),
    (
        r"attention_window|sliding_window|local_attention|window_size|attention_chunk|local_attn|block_size|chunk_size|chunk_length|window",
        None,
    ),
    (r"num_latents|num_queries|num_query|query_length|num_query_tokens|num_prompts|num_tokens", 8),
)

# The same for lists of numbers.
LISTS: tuple[tuple[str, int], ...] = (
    (r"depths|layers|blocks|num_conv|repeats", 1),
    (r"heads", 2),
    (r"hidden_sizes|embed_dims|dims|channels|conv_dim|widths|embedding|hidden|filters|sizes", 16),
)

# What a type needs beyond the rules.
OWN: dict[str, dict[str, Any]] = {
    "cohere_compass_text": {
        "layer_types": ["sliding_attention", "full_attention"], "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]},
            "full_attention": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
        }
    },
    "deepseek_ocr2_text": {"mlp_layer_types": ["dense", "sparse"], "num_experts_per_tok": 2},
    "diffusion_gemma_text": {"num_experts": 4, "top_k_experts": 2, "moe_intermediate_size": 32},
    "glm5_next_text": {"qk_rope_head_dim": 0, "num_key_value_heads": 4},
    "chameleon": {"vocabulary_map": {"<image>": 190}},
    "dots3_note_audio_encoder": {"adapter_input_size": 32, "adapter_out_dim": 32},
    "dots3_note_vision_encoder": {"adapter_in_dim": 32, "adapter_out_dim": 32},
    "emu3": {"vocabulary_map": {"<image>": 190}},
    "emu3_vqgan": {"base_channels": 32},
    "layoutlmv3": {"coordinate_size": 4, "shape_size": 8},
    "mistral_large4_text": {"kv_source_layers": [0, 1], "num_key_value_heads": 4},
    "qwen4_exp_text": {
        "indexer_n_heads": 4, "indexer_kv_heads": 1, "indexer_head_dim": 8, "indexer_budget": 16,
        "indexer_compress_ratio": 4, "split_ngram_parts": 4, "heads_per_ngram": 2,
        "layer_types": ["linear_attention", "indexed_attention"]
    },
    "bamba": {
        "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8, "mamba_expand": 2,
        "attn_layer_indices": [1], "mamba_chunk_size": 16
    },
    "big_bird": {"block_size": 8, "num_random_blocks": 1},
    "bigbird_pegasus": {"block_size": 8, "num_random_blocks": 1},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "canine": {"num_hash_functions": 8, "num_hash_buckets": 200, "local_transformer_stride": 128},
    "codegen": {"rotary_dim": 4},
    "convbert": {"head_ratio": 2, "embedding_size": 32},
    "cpmant": {"dim_head": 8, "prompt_types": 4, "prompt_length": 4, "segment_types": 4},
    "ctrl": {"n_embd": 32, "dff": 64, "n_layer": 2, "n_head": 4},
    "dbrx": {
        "d_model": 32, "n_heads": 4, "n_layers": 2, "rope_parameters": {"rope_type": "default", "rope_theta":
        10000.0}, "attn_config": {"kv_n_heads": 2, "clip_qkv": 8, "rope_theta": 10000.0}, "ffn_config":
        {"ffn_hidden_size": 64, "moe_num_experts": 4, "moe_top_k": 2}
    },
    "deepseek_v2": {
        "num_key_value_heads": 4, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1,
        "first_k_dense_replace": 1, "topk_method": "greedy", "head_dim": 8
    },
    "deepseek_v3": {
        "n_routed_experts": 4, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2, "first_k_dense_replace": 1,
        "num_key_value_heads": 4
    },
    "dots1": {
        "n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2, "first_k_dense_replace": 1,
        "moe_intermediate_size": 32, "n_group": 1, "topk_group": 1
    },
    "esm": {"vocab_size": 200, "pad_token_id": 1, "mask_token_id": 4, "position_embedding_type": "rotary"},
    "falcon_h1": {
        "mamba_d_ssm": 64, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8,
        "mamba_chunk_size": 16
    },
    "falcon_mamba": {"hidden_size": 32, "num_hidden_layers": 2, "time_step_rank": 2},
    "flaubert": {"emb_dim": 32, "n_layers": 2, "n_heads": 4},
    "fnet": {"tpu_short_seq_length": 128},
    "fsmt": {"langs": ["en", "de"], "src_vocab_size": 200, "tgt_vocab_size": 200, "d_model": 32},
    "funnel": {"block_sizes": [1, 1], "d_head": 8, "n_head": 4, "d_model": 32, "num_decoder_layers": 1},
    "gemma3n_text": {
        "num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"], "num_kv_shared_layers": 0,
        "activation_sparsity_pattern": [0.0, 0.0], "hidden_size_per_layer_input": 8, "altup_num_inputs": 2,
        "laurel_rank": 8, "intermediate_size": [64, 64]
    },
    "glm46v_text": {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}},
    "glm4v_moe_text": {
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5,
        "mrope_section": [1, 1, 0]}
    },
    "glm4v_text": {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}},
    "glm_image_text": {
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
    },
    "glm_ocr_text": {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}},
    "gpt_bigcode": {"n_embd": 32},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "num_layers": 2, "window_size": 16},
    "gptj": {"rotary_dim": 4},
    "granitemoehybrid": {
        "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8, "layer_types": ["mamba",
        "attention"], "layers_block_type": ["mamba", "attention"]
    },
    "hunyuan_vl_text": {
        "head_dim": 8,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
    },
    "jamba": {
        "num_hidden_layers": 4, "attn_layer_offset": 1, "attn_layer_period": 2, "expert_layer_offset": 1,
        "expert_layer_period": 2, "num_experts": 4, "mamba_dt_rank": 2, "use_mamba_kernels": False
    },
    "led": {
        "attention_window": [16, 16], "max_encoder_position_embeddings": 512, "max_decoder_position_embeddings":
        512
    },
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lilt": {"channel_shrink_ratio": 4, "hidden_size": 48},
    "longcat_flash": {"qk_head_dim": 16, "head_dim": 8, "num_key_value_heads": 4},
    "longformer": {"attention_window": [16, 16]},
    "longt5": {"encoder_attention_type": "transient-global", "local_radius": 8, "global_block_size": 4, "d_kv": 8},
    "luke": {"entity_vocab_size": 50, "entity_emb_size": 16},
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2, "time_step_rank": 2},
    "mamba2": {
        "hidden_size": 32, "num_hidden_layers": 2, "num_heads": 8, "head_dim": 8, "n_groups": 1, "state_size": 8,
        "chunk_size": 16
    },
    "minimax": {"layer_types": ["linear_attention", "full_attention"], "block_size": 16},
    "mobilebert": {
        "hidden_size": 32, "embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16,
        "intermediate_size": 32, "num_hidden_layers": 2
    },
    "mpt": {"max_seq_len": 512},
    "mt5": {"d_kv": 8},
    "nemotron_h": {
        "hidden_size": 32, "mamba_num_heads": 8, "mamba_head_dim": 8, "n_groups": 1, "ssm_state_size": 8,
        "chunk_size": 16
    },
    "nllb-moe": {"encoder_sparse_step": 1, "decoder_sparse_step": 1, "num_experts": 4},
    "nystromformer": {"segment_means_seq_len": 64, "num_landmarks": 64},
    "openai-gpt": {"n_embd": 32, "n_layer": 2, "n_head": 4},
    "opt": {"word_embed_proj_dim": 32},
    "paddleocr_vl_text": {
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
    },
    "perceiver": {
        "d_model": 32, "d_latents": 32, "num_latents": 8, "num_blocks": 1, "num_self_attends_per_block": 2,
        "num_self_attention_heads": 4, "num_cross_attention_heads": 4, "qk_channels": 32, "v_channels": 32,
        "vocab_size": 262, "max_position_embeddings": 256
    },
    "prophetnet": {"hidden_size": 32, "num_encoder_layers": 2, "num_decoder_layers": 2},
    "qwen2_5_omni_text": {
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
    },
    "qwen2_5_vl_text": {
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
    },
    "qwen2_vl_text": {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}},
    "qwen3_next": {"layer_types": ["linear_attention", "full_attention"]},
    "recurrent_gemma": {
        "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "lru_width": 32,
        "attention_window_size": 64, "block_types": ["recurrent", "recurrent", "attention"], "head_dim": 8
    },
    "reformer": {
        "attn_layers": ["local", "lsh"], "axial_pos_shape": [16, 32], "axial_pos_embds_dim": [8, 24],
        "num_buckets": 4, "lsh_attn_chunk_length": 16, "local_attn_chunk_length": 16, "feed_forward_size": 64,
        "attention_head_size": 8, "is_decoder": True
    },
    "rembert": {"input_embedding_size": 16, "output_embedding_size": 32},
    "rwkv": {"hidden_size": 32, "num_hidden_layers": 2, "attention_hidden_size": 32, "context_length": 512},
    "squeezebert": {"embedding_size": 32, "hidden_size": 32},
    "switch_transformers": {"num_layers": 2, "num_sparse_encoder_layers": 1, "num_sparse_decoder_layers": 1},
    "t5": {"d_kv": 8},
    "udop": {"d_kv": 8},
    "umt5": {"d_kv": 8},
    "visual_bert": {"visual_embedding_dim": 16},
    "vits": {"upsample_initial_channel": 64},
    "xlm": {"emb_dim": 32, "n_layers": 2, "n_heads": 4},
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64},
    "xlstm": {
        "hidden_size": 64, "embedding_dim": 64, "num_hidden_layers": 2, "num_blocks": 2, "num_heads": 4,
        "qk_dim_factor": 0.5, "v_dim_factor": 1.0, "chunk_size": 16, "mlstm_round_up_to_multiple_of": 8,
        "ffn_round_up_to_multiple_of": 8
    },
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
    "zamba": {
        "num_hidden_layers": 4, "attn_layer_period": 2, "attn_layer_offset": 1, "mamba_dt_rank": 2,
        "n_mamba_heads": 2, "use_mamba_kernels": False, "attention_hidden_size": 64, "attention_head_dim": 16,
        "layers_block_type": ["mamba", "hybrid", "mamba", "hybrid"]
    },
    "zamba2": {
        "num_hidden_layers": 4, "n_mamba_heads": 8, "mamba_headdim": 8, "mamba_ngroups": 1,
        "attention_hidden_size": 64, "attention_head_dim": 16, "layers_block_type": ["mamba", "hybrid", "mamba",
        "hybrid"], "chunk_size": 16, "num_mem_blocks": 1, "mamba_d_state": 8, "add_bias_linear": False
    },
}  # fmt: skip

# Tried one after another until a model is built.
VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"num_key_value_heads": 4, "head_dim": 8},
    {"layer_types": ["full_attention", "full_attention"]},
    {"num_hidden_layers": 4, "layer_types": None},
    {"hidden_size": 64, "head_dim": 16, "num_key_value_heads": 4},
    {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "num_key_value_heads": None},
)
