#!/usr/bin/env python3
"""How weights are stored: 8-bit floats in every published layout, and ways of storing that are not read, by name.

  test_cli_weights.py PATH_TO_SAFECONF      Python's standard library only.
"""
import array
import json
import math
import os
import shutil
import struct
import unittest

from program import DEMO, Folder, call

TOKENS = '1,2,3,4,5,6,7,8,9,10,11,12'
BLOCK = 48  # divides none of the tiny shape's sizes


def read_tensors(path):
    """name: (dtype, shape, bytes)"""
    with open(path, 'rb') as file:
        data = file.read()
    n = struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:8 + n])
    header.pop('__metadata__', None)
    return {name: (t['dtype'], t['shape'], data[8 + n + t['data_offsets'][0]:8 + n + t['data_offsets'][1]])
            for name, t in header.items()}


def write_tensors(path, tensors):
    header, at = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + b''.join(data for _, _, data in tensors.values()))


def e4m3(byte):
    """The value of an 8-bit float, from the format's definition."""
    sign, exponent, mantissa = -1.0 if byte & 128 else 1.0, byte >> 3 & 15, byte & 7
    return sign * (mantissa / 8 * 2.0 ** -6 if exponent == 0 else (1 + mantissa / 8) * 2.0 ** (exponent - 7))


def f32(value):
    return struct.unpack('<f', struct.pack('<f', value))[0]


class EightBitFloats(Folder):
    def setUp(self):
        super().setUp()
        self.good('model', 'random', '--shape', 'tiny', '--dtype', 'f32', '--out', self.path('plain'))

    def quantized(self, name, scales_for, ending, config):
        """Two models with the same weights: as 8-bit floats with scales, and widened by ourselves."""
        tensors = read_tensors(self.path('plain', 'model.safetensors'))
        stored, widened = {}, {}
        for tensor, (dtype, shape, data) in tensors.items():
            stored[tensor] = widened[tensor] = (dtype, shape, data)
            if not tensor.endswith('_proj.weight'):
                continue
            rows, cols = shape
            # every 8-bit float but the two that are no number, in an order of its own for each tensor
            numbers = bytes(b if b & 127 != 127 else 0x38 for b in (
                (7 * i + 13 * (i // 251) + len(tensor)) & 255 for i in range(rows * cols)))
            scale_shape, index = scales_for(rows, cols)
            scales = [f32(0.0001 * (1 + 0.37 * math.sin(i + len(tensor)))) for i in range(max(1, math.prod(scale_shape)))]
            stored[tensor] = ('F8_E4M3', shape, numbers)
            stored[tensor + ending] = ('F32', scale_shape, array.array('f', scales).tobytes())
            wide = array.array('f', (e4m3(numbers[r * cols + c]) * scales[index(r, c)]
                                     for r in range(rows) for c in range(cols)))
            widened[tensor] = ('F32', shape, wide.tobytes())
        for folder, weights, more in ((name, stored, config), (name + '-wide', widened, {})):
            shutil.copytree(self.path('plain'), self.path(folder))
            write_tensors(self.path(folder, 'model.safetensors'), weights)
            with open(self.path(folder, 'config.json')) as file:
                settings = json.load(file)
            settings.update(more)
            self.write(folder + '/config.json', json.dumps(settings))

    def figures(self, folder, dtype):
        return self.good('score', '--model', self.path(folder), '--tokens', TOKENS, '--dtype', dtype, '--json').stdout

    def check(self, name, scales_for, ending, config):
        self.quantized(name, scales_for, ending, config)
        for dtype in ('f32', 'bf16', 'int8'):
            self.assertEqual(self.figures(name, dtype), self.figures(name + '-wide', dtype), (name, dtype))
        self.assertNotEqual(self.figures(name, 'f32'), self.figures('plain', 'f32'))

    @staticmethod
    def blocks(rows, cols):
        n = -(-cols // BLOCK)
        return [-(-rows // BLOCK), n], lambda r, c: r // BLOCK * n + c // BLOCK

    def test_a_scale_for_each_block(self):
        self.check('blocks', self.blocks, '_scale_inv',
                   {'quantization_config': {'quant_method': 'fp8', 'activation_scheme': 'dynamic', 'fmt': 'e4m3',
                                            'weight_block_size': [BLOCK, BLOCK]}})

    def test_a_scale_for_each_block_of_an_expert(self):
        shutil.rmtree(self.path('plain'))
        self.good('model', 'random', '--shape', 'tiny-qwen3-moe', '--dtype', 'f32', '--out', self.path('plain'))
        self.check('experts', self.blocks, '_scale_inv', {'quantization_config': {
            'quant_method': 'fp8', 'weight_block_size': [BLOCK, BLOCK], 'modules_to_not_convert': ['lm_head']}})

    def test_a_scale_for_each_row(self):
        self.check('rows', lambda rows, cols: ([rows, 1], lambda r, c: r), '_scale', {'quantization_config': {
            'quant_method': 'compressed-tensors', 'format': 'float-quantized', 'ignore': ['lm_head'],
            'config_groups': {'group_0': {'targets': ['Linear'], 'weights': {'num_bits': 8, 'type': 'float',
                                                                            'strategy': 'channel'}}}}})

    def test_a_scale_for_each_tensor(self):
        for method, shape in (('fp8', []), ('fbgemm_fp8', [1]), ('modelopt', [])):
            self.check(method, lambda rows, cols: (shape, lambda r, c: 0), '_scale',
                       {'quantization_config': {'quant_method': method}})

    def test_a_run_is_not_resumed_with_other_scales(self):
        shutil.copytree(DEMO, self.path('run'))
        with open(self.path('run', 'config.json')) as file:
            settings = json.load(file)
        settings['quantization_config'] = {'quant_method': 'fp8'}
        self.write('run/config.json', json.dumps(settings))
        path, name = self.path('run', 'model.safetensors'), 'model.layers.0.self_attn.q_proj.weight'
        tensors = read_tensors(path)
        _, shape, _ = tensors[name]
        tensors[name] = ('F8_E4M3', shape, bytes(i % 64 for i in range(math.prod(shape))))
        words = ('run', '--model', self.path('run'), '--num-instances', 1, '--max-new-tokens', 2, '--policy', 'single',
                 '--quiet', '--out', self.path('out'))
        for scale, status in ((0.25, 0), (0.25, 0), (0.5, 1)):
            tensors[name + '_scale'] = ('F32', [], struct.pack('<f', scale))
            write_tensors(path, tensors)
            result = call(*words)
            self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn('model', result.stderr)

    def refused_when(self, change, *words):
        self.quantized('wrong', self.blocks, '_scale_inv', {'quantization_config': {
            'quant_method': 'fp8', 'weight_block_size': [BLOCK, BLOCK]}})
        tensors = read_tensors(self.path('wrong', 'model.safetensors'))
        change(tensors)
        write_tensors(self.path('wrong', 'model.safetensors'), tensors)
        result = call('score', '--model', self.path('wrong'), '--tokens', TOKENS)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(result.stderr.count('\n'), 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def test_scales_that_are_missing_are_named(self):
        name = 'model.layers.0.self_attn.q_proj.weight_scale_inv'
        self.refused_when(lambda tensors: tensors.pop(name), name, 'found none')

    def test_a_wrong_number_of_scales_is_refused(self):
        name = 'model.layers.0.self_attn.q_proj.weight_scale_inv'
        self.refused_when(lambda tensors: tensors.update({name: ('F32', [2], bytes(8))}), name, 'found 2')


class Refused(Folder):
    """Other ways to store weights are named, with what to do."""

    def setUp(self):
        super().setUp()
        self.good('model', 'random', '--shape', 'tiny', '--dtype', 'f32', '--out', self.path('model'))

    def refused(self, *words, model='model'):
        result = call('score', '--model', self.path(model), '--tokens', TOKENS)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(result.stderr.count('\n'), 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def configure(self, **more):
        with open(self.path('model', 'config.json')) as file:
            settings = json.load(file)
        settings.update(more)
        self.write('model/config.json', json.dumps(settings))

    def test_ways_of_quantizing_are_named(self):
        for config, name in (({'quant_method': 'gptq', 'bits': 4}, 'GPTQ'), ({'quant_method': 'awq'}, 'AWQ'),
                             ({'quant_method': 'bitsandbytes', 'load_in_4bit': True}, 'bitsandbytes'),
                             ({'quant_method': 'mxfp4'}, 'MXFP4'), ({'quant_method': 'exl2'}, 'EXL2'),
                             ({'quant_method': 'modelopt', 'quant_algo': 'NVFP4'}, 'NVFP4'),
                             ({'quant_method': 'something new'}, 'something new'),
                             ({'quant_method': 'compressed-tensors', 'format': 'pack-quantized', 'config_groups': {
                                 'a': {'weights': {'num_bits': 4, 'type': 'int'}}}}, 'pack-quantized'),
                             ({'quant_method': 'compressed-tensors', 'config_groups': {
                                 'a': {'weights': {'num_bits': 8, 'type': 'int'}}}}, 'int of 8 bits')):
            self.configure(quantization_config=config)
            self.refused(name, 'take the checkpoint that is not quantized')

    def test_mlx_is_named(self):
        self.configure(quantization={'group_size': 64, 'bits': 4})
        self.refused('MLX', 'take the checkpoint that is not quantized')

    def test_broken_blocks_are_refused(self):
        for sizes in ([0, 128], [128], 'x', [1.5, 2]):
            self.configure(quantization_config={'quant_method': 'fp8', 'weight_block_size': sizes})
            self.refused('weight_block_size')

    def rename(self, old, new):
        path = self.path('model', 'model.safetensors')
        tensors = read_tensors(path)
        tensors[new] = tensors.pop(old)
        write_tensors(path, tensors)

    def test_tensors_tell_what_config_json_does_not(self):
        self.rename('model.layers.0.self_attn.q_proj.weight', 'model.layers.0.self_attn.q_proj.qweight')
        self.refused('GPTQ or AWQ', '8-bit floats')

    def test_an_output_matrix_that_is_not_there(self):
        self.configure(tie_word_embeddings=False)
        self.refused('lm_head.weight', 'tie_word_embeddings false')

    def test_models_that_are_no_language_models_are_named_so(self):
        for kind, word in (('bert', 'encoder'), ('t5', 'encoder'), ('mllama', 'pictures'), ('qwen2_5_vl', 'pictures'),
                           ('whisper', 'speech'), ('mamba', 'qwen3')):
            self.configure(model_type=kind)
            self.refused(f'"{kind}"', word, 'qwen3')

    def test_a_separate_output_matrix_that_differs_is_said(self):
        path = self.path('model', 'model.safetensors')
        tensors = read_tensors(path)
        dtype, shape, data = tensors['model.embed_tokens.weight']
        tensors['lm_head.weight'] = (dtype, shape, data)
        write_tensors(path, tensors)
        words = ('run', '--model', self.path('model'), '--num-instances', 1, '--max-new-tokens', 2, '--policy', 'single')
        shutil.copy(os.path.join(DEMO, 'tokenizer.json'), self.path('model', 'tokenizer.json'))
        shutil.copy(os.path.join(DEMO, 'tokenizer_config.json'), self.path('model', 'tokenizer_config.json'))
        self.assertNotIn('lm_head', call(*words, '--out', self.path('same')).stderr)
        tensors['lm_head.weight'] = (dtype, shape, data[4:] + data[:4])
        write_tensors(path, tensors)
        result = call(*words, '--out', self.path('other'))
        self.assertIn('lm_head.weight', result.stderr)
        self.assertIn('the embedding is used', result.stderr)

    def test_folders_in_other_layouts(self):
        os.mkdir(self.path('makers'))
        self.write('makers/params.json', '{}')
        self.write('makers/consolidated.safetensors', '')
        self.refused('params.json', "the makers' own layout", model='makers')

    def test_a_repository_of_the_cache_is_taken_for_its_snapshot(self):
        os.makedirs(self.path('models--a--b', 'snapshots'))
        shutil.move(self.path('model'), self.path('models--a--b', 'snapshots', '0123'))
        self.good('score', '--model', self.path('models--a--b'), '--tokens', TOKENS)


if __name__ == '__main__':
    unittest.main()
