"""Forwards whose backward follows rules: what LRP, DeepLIFT, guided backpropagation and deconvnet stand on."""
